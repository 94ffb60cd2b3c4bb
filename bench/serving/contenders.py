"""The servers that are measured: how each is started on a port, with how many workers and threads.

A contender is written `name`, or `name@WxT` for W workers of T threads each. Without that, the
peers get one worker with a thread for every core, and imageclf chooses for itself.
"""

import json
import os
import random
import re
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.peers import environment as peers
from bench.serving.server import Plan
from imageclf.errors import SettingsError

RAW = "raw"
OURS = "imageclf"
PEERS = ("mms", "torchserve", "litserve", "fastapi")
NAMES = (RAW, OURS, *PEERS)

_SPELLING = re.compile(r"(\w+)(?:@(\d+)x(\d+))?")
_PORTS = range(20_000, 32_000)
_JAVA_HEAP = "-Xmx512m"


@dataclass(frozen=True)
class Layout:
    """Worker processes, and threads of each."""

    workers: int
    threads: int


@dataclass(frozen=True)
class Site:
    """Where a peer serves which model; `scratch` is a folder of its own."""

    layout: Layout
    model: Path
    scratch: Path
    port: int


@dataclass(frozen=True)
class Contender:
    """A kind of server; `layout` is None where it chooses for itself."""

    name: str
    layout: Layout | None

    @property
    def title(self) -> str:
        """As it is written, with the layout that was chosen."""
        if self.layout is None:
            return self.name
        return f"{self.name}@{self.layout.workers}x{self.layout.threads}"

    def environment(self) -> dict[str, str]:
        """What tells imageclf its layout."""
        if self.layout is None:
            return {}
        return {
            "IMAGECLF_WORKERS": str(self.layout.workers),
            "IMAGECLF_THREADS": str(self.layout.threads),
        }

    def plan(self, root: Path, port: int) -> Plan:
        """How to serve `root`/model on `port`; scratch files go into a folder in `root`."""
        if self.name == OURS:
            return _ours(self, root, port)
        assert self.layout is not None
        scratch = root / self.name
        scratch.mkdir(exist_ok=True)
        return _PLANS[self.name](Site(self.layout, root / "model", scratch, port))


def contender(text: str, cores: int) -> Contender:
    """The contender written as `text`.

    Raises:
        SettingsError: there is none of that name, or it is written otherwise.
    """
    match = _SPELLING.fullmatch(text)
    if match is None or match[1] not in NAMES:
        raise SettingsError(
            f"Contender {text!r} is not known; write {', '.join(NAMES)}, or as in mms@2x1."
        )
    if match[2]:
        return Contender(match[1], Layout(int(match[2]), int(match[3])))
    return Contender(match[1], Layout(1, cores) if match[1] in PEERS else None)


def _ours(contender: Contender, root: Path, port: int) -> Plan:
    own = {"SAGEMAKER_BASE_DIR": str(root), "IMAGECLF_PORT": str(port)}
    command: list[str | Path] = [sys.executable, "-m", "imageclf", "serve"]
    return Plan(command, own | contender.environment(), port, "/invocations", ping="/ping")


def _fastapi(site: Site) -> Plan:
    return _module("with_fastapi", site)


def _litserve(site: Site) -> Plan:
    return _module("with_litserve", site)


def _module(name: str, site: Site) -> Plan:
    options = [f"--port={site.port}", f"--workers={site.layout.workers}"]
    command: list[str | Path] = [peers.PYTHON, "-m", f"bench.peers.{name}", *options]
    return Plan(command, _common(site), site.port, "/predict")


def _mms(site: Site) -> Plan:
    """As the toolkit's `start_model_server` configures it, with a small heap and on loopback."""
    address = f"http://127.0.0.1:{site.port}"
    configuration = {
        "enable_envvars_config": "true",
        "decode_input_request": "false",
        "load_models": "ALL",
        "default_service_handler": "sagemaker_inference.default_handler_service",
        "default_workers_per_model": site.layout.workers,
        "inference_address": address,
        "management_address": address,
        "vmargs": f"-XX:+UseContainerSupport {_JAVA_HEAP}",
    }
    file = _properties(site.scratch, configuration)
    # Not the model itself: MMS takes any manifest.json for one of its own and does not start.
    folder = site.scratch / "model"
    folder.mkdir(exist_ok=True)
    command: list[str | Path] = [
        peers.PYTHON.with_name("multi-model-server"), "--start", "--foreground",
        "--model-store", "/", "--mms-config", file, "--models", f"model={folder}",
    ]  # fmt: skip
    own = {"SAGEMAKER_PROGRAM": "bench.peers.with_mms"}
    return Plan(command, _common(site) | own, site.port, "/invocations")


def _torchserve(site: Site) -> Plan:
    """Its management, metrics and gRPC on ports of their own; no tokens, no model API."""
    address = "http://127.0.0.1"
    configuration = {
        "inference_address": f"{address}:{site.port}",
        "management_address": f"{address}:{free_port()}",
        "metrics_address": f"{address}:{free_port()}",
        "grpc_inference_port": free_port(),
        "grpc_management_port": free_port(),
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        "enable_envvars_config": "false",
        "default_workers_per_model": site.layout.workers,
        "vmargs": _JAVA_HEAP,
    }
    file = _properties(site.scratch, configuration)
    command: list[str | Path] = [
        peers.PYTHON.with_name("torchserve"), "--start", "--foreground", "--ncs",
        "--model-store", _model_store(site.scratch), "--ts-config", file, "--models", "model=model",
    ]  # fmt: skip
    return Plan(command, _common(site), site.port, "/predictions/model")


def _common(site: Site) -> dict[str, str]:
    """Environment of every peer; the servers' sockets and pid files go into `site.scratch`."""
    return {
        "MODEL": str(site.model),
        "THREADS": str(site.layout.threads),
        "OMP_NUM_THREADS": str(site.layout.threads),
        "PYTHONPATH": str(peers.ROOT),
        "PATH": f"{peers.PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(site.scratch),
        "TEMP": str(site.scratch),
        "LOG_LOCATION": str(site.scratch),
        "METRICS_LOCATION": str(site.scratch),
    }


def _properties(scratch: Path, content: dict[str, object]) -> Path:
    path = scratch / "config.properties"
    path.write_text("".join(f"{name}={value}\n" for name, value in content.items()))
    return path


def _model_store(scratch: Path) -> Path:
    """TorchServe's unpacked form of an archive: a folder with the handler and a manifest."""
    folder = scratch / "store" / "model"
    (folder / "MAR-INF").mkdir(parents=True, exist_ok=True)
    handler = shutil.copy(peers.ROOT / "bench" / "peers" / "with_torchserve.py", folder)
    manifest = {
        "runtime": "python",
        "archiverVersion": "0.12.0",
        "model": {
            "modelName": "model",
            "modelVersion": "1.0",
            "handler": Path(handler).name,
        },
    }
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
    return folder.parent


def free_port() -> int:
    """A port of loopback on which nobody listens now, below 32,767: MMS takes no higher one."""
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError(f"All ports from {_PORTS[0]} to {_PORTS[-1]} are taken; end what holds them.")


_PLANS: dict[str, Callable[[Site], Plan]] = {
    "fastapi": _fastapi,
    "litserve": _litserve,
    "mms": _mms,
    "torchserve": _torchserve,
}
