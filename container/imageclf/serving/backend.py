"""How multi-model-server is started: its settings, its log, its command.

It listens on unix sockets in a private folder, so its management interface, which knows no password
and runs code, is nobody's. Its own start script keeps a pid file in /tmp that stops the next start;
here the JVM is started directly.
"""

import math
import os
import shutil
import sys
from collections.abc import Mapping
from importlib import util
from pathlib import Path

from imageclf.errors import SettingsError
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.settings import Resolved, ServeSettings

SERVER = "com.amazonaws.ml.mms.ModelServer"
"""The class that the JVM runs."""

_MIB = 1 << 20
_HEADERS_BYTES = _MIB

_LOG = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR">
  <Appenders>
    <Console name="out" target="SYSTEM_OUT">
      <PatternLayout pattern='{"time":"%d{yyyy-MM-dd}{UTC}T%d{HH:mm:ss.SSS}{UTC}Z","level":"%p",\
"message":"%enc{%m %ex{short.message}}{JSON}","source":"%enc{%t}{JSON}"}%n'/>
      <RegexFilter regex=".*(attach|terminate)IOStreams.*" onMatch="DENY" onMismatch="NEUTRAL"/>
    </Console>
  </Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
    <Logger name="io.netty" level="ERROR"/>
  </Loggers>
</Configuration>
"""


def prepare(run: RunFolder, settings: ServeSettings) -> None:
    """Write the configuration of multi-model-server into its run folder."""
    largest = math.ceil(settings.max_body_mb * _MIB) + _HEADERS_BYTES
    values = {
        "inference_address": f"unix:{run.inference}",
        "management_address": f"unix:{run.management}",
        "model_store": run.models,
        "preload_model": "true",
        "decode_input_request": "false",
        "max_request_size": largest,
        "max_response_size": largest,
        "job_queue_size": settings.queue + 1024,
        "number_of_gpu": 0,
        "number_of_netty_threads": 2,
        "netty_client_threads": 2,
        "metric_time_interval": 86_400,
        "unregister_model_timeout": 20,
        "prefer_direct_buffer": "false",
        "use_native_io": "true",
    }
    run.config.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    run.log_config.write_text(_LOG)


def command(run: RunFolder) -> list[str]:
    """What starts the JVM.

    Raises:
        SettingsError: there is no Java.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    if java is None:
        raise SettingsError(
            "Java is not there, and multi-model-server needs it; install a JRE "
            "(Debian: apt-get install openjdk-17-jre-headless), or use the image."
        )
    frontend = _package() / "frontend"
    return [
        java,
        "-Xms32m",
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        f"-Djava.io.tmpdir={run.path}",
        f"-Djava.library.path={frontend / 'native'}",
        f"-Dlog4j.configurationFile=file://{run.log_config}",
        f"-Dmodel_server_home={_package().parent}",
        "-cp",
        f"{frontend}/*",
        SERVER,
        "--python",
        sys.executable,
        "-f",
        str(run.config),
    ]


def environment(given: Mapping[str, str], resolved: Resolved) -> dict[str, str]:
    """The environment of the JVM and of the workers below it."""
    threads = str(resolved.threads)
    own = {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1"}
    # Of itself it would take its settings from these, and write its log into the working folder.
    kept = {name: value for name, value in given.items() if not name.startswith("MMS_")}
    return gateway_environment(kept) | own


def gateway_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of the gateway: it finds the package wherever it is started."""
    paths = [str(Path(__file__).parents[2]), given.get("PYTHONPATH", "")]
    return {**given, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def _package() -> Path:
    found = util.find_spec("mms")
    if found is None or found.origin is None:
        raise SettingsError("multi-model-server is not installed; pip install multi-model-server.")
    return Path(found.origin).parent
