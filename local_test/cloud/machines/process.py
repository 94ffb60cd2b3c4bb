"""An instance that is a process of this machine, with a private /opt/ml where that can be had."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from imageclf.contract import ROOT_VARIABLE
from local_test.cloud.machines import enclosure, environment, marks
from local_test.cloud.machines.identity import identity, is_alive
from local_test.cloud.machines.machine import Container, Handle
from local_test.cloud.settings import HOST, CloudSettings

KIND = "process"

_PROGRAM = (sys.executable, "-m", "imageclf")
_ENCLOSURE = (sys.executable, "-I", "-S", enclosure.__file__)
_TRIAL_TIMEOUT_S = 20
_UNKNOWN_CODE = 255


class ProcessInstance:
    """A process that was started here, or (without `child`) by an earlier process of ours."""

    def __init__(self, handle: Handle, child: "subprocess.Popen[bytes] | None" = None) -> None:
        self.handle = handle
        self._child = child
        self._code: int | None = None

    def exit_code(self) -> int | None:
        """None while it runs; of one that an earlier process started, 255 when it has ended."""
        if self._code is None:
            self._code = self._ended()
            if self._code is not None:
                marks.kill(marks.INSTANCE, self.handle["mark"])  # as a container takes all along
        return self._code

    def send(self, signal_name: str) -> bool:
        """Pass on TERM, to the program alone, or KILL, to all that it started too."""
        if self.exit_code() is not None:
            return False
        try:
            os.kill(self.handle["pid"], signal.Signals[f"SIG{signal_name}"])
        except ProcessLookupError:
            return False
        if signal_name == "KILL":
            marks.kill(marks.INSTANCE, self.handle["mark"])
        return True

    def _ended(self) -> int | None:
        if self._child is None:
            return None if is_alive(self.handle) else _UNKNOWN_CODE
        code = self._child.poll()
        return 128 - code if code is not None and code < 0 else code


def start(settings: CloudSettings, container: Container) -> ProcessInstance:
    """Start it; that the program is not there shows in the exit code and in the log."""
    variables = environment.inherited() | _image() | environment.given(settings, container)
    command = [*(container.entrypoint or _PROGRAM), *container.arguments]
    if is_enclosed():
        command = [*_ENCLOSURE, json.dumps(_view(container)), *command]
    else:
        variables[ROOT_VARIABLE] = str(container.ml)
        command = [*_ENCLOSURE, "{}", *command]
    container.log.parent.mkdir(parents=True, exist_ok=True)
    with container.log.open("ab") as log:
        child = subprocess.Popen(
            command,
            env=variables,
            cwd=container.ml,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    handle = {"kind": KIND, "mark": str(container.ml), **identity(child.pid)}
    return ProcessInstance(handle, child)


def adopt(handle: Handle) -> ProcessInstance | None:
    """The process of this handle, if it still runs."""
    return ProcessInstance(handle) if is_alive(handle) else None


@cache
def is_enclosed() -> bool:
    """Whether processes get a private /opt/ml here; tried once."""
    trial = [*_ENCLOSURE, json.dumps({"ml": tempfile.gettempdir()}), "true"]
    try:
        done = subprocess.run(trial, capture_output=True, timeout=_TRIAL_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _view(container: Container) -> dict[str, object]:
    parts = [part for part in container.read_only if (container.ml / part).exists()]
    return {"ml": str(container.ml), "read_only": parts, "hosts": str(_write_hosts(container))}


def _write_hosts(container: Container) -> Path:
    """This machine's names, and those of the instances: all of them are this machine."""
    try:
        known = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        known = f"{HOST} localhost\n"
    names = dict.fromkeys((container.host, *container.hosts))
    names.pop("localhost", None)
    path = container.ml.with_name(f".{container.ml.name}.hosts")
    path.write_text(known + "".join(f"{HOST} {name}\n" for name in names), encoding="utf-8")
    return path


def _image() -> dict[str, str]:
    """What the Dockerfile sets, as far as a process needs it."""
    programs = str(Path(sys.executable).parent)
    search = os.environ.get("PATH", os.defpath)
    return {"PATH": f"{programs}{os.pathsep}{search}", "PYTHONUNBUFFERED": "1"}
