"""An instance that is a container of the Docker engine."""

import subprocess
from collections.abc import Sequence

from imageclf.contract import DEFAULT_ROOT
from local_test import docker
from local_test.cloud.machines import environment, marks
from local_test.cloud.machines.identity import identity, is_alive
from local_test.cloud.machines.machine import Container, Handle
from local_test.cloud.settings import HOST, CloudSettings
from local_test.folders import Owner

KIND = "docker"
JOB_LABEL = "LOCALCLOUD_JOB"

_ANSWER_TIMEOUT_S = 20
_UNKNOWN_CODE = 255


class ContainerInstance:
    """A container, and the client that stays with it: it writes the log and has the exit code."""

    def __init__(self, handle: Handle, child: "subprocess.Popen[bytes] | None" = None) -> None:
        self.handle = handle
        self._child = child

    def exit_code(self) -> int | None:
        """None while it runs; of one that an earlier process started, 255 when it has ended."""
        if self._child is None:
            return None if is_alive(self.handle) else _UNKNOWN_CODE
        code = self._child.poll()
        return 128 - code if code is not None and code < 0 else code

    def send(self, signal_name: str) -> bool:
        """Pass on TERM or KILL; false while the engine has not started the container yet."""
        return docker.send_signal(self.handle["client"], self.handle["name"], signal_name)


def start(
    engine: docker.Engine, image: str, settings: CloudSettings, container: Container, owner: Owner
) -> ContainerInstance:
    """Start it; what hinders the engine shows in the exit code (125 to 127) and in the log."""
    command = run_command(engine, image, settings, container, owner)
    container.log.parent.mkdir(parents=True, exist_ok=True)
    with container.log.open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    handle = {"kind": KIND, "name": container.name, "client": engine.client}
    return ContainerInstance({**handle, **identity(child.pid)}, child)


def adopt(handle: Handle) -> ContainerInstance | None:
    """The container of this handle, if its client still runs."""
    return ContainerInstance(handle) if is_alive(handle) else None


def run_command(
    engine: docker.Engine, image: str, settings: CloudSettings, container: Container, owner: Owner
) -> list[str]:
    """`docker run` of one instance.

    It is on the host's network, for it must reach the endpoint on this machine's loopback, and
    other instances by name.
    """
    command = [*docker.run_prefix(engine, owner, container.name), "--network", "host"]
    command += ["--volume", f"{container.ml}:{DEFAULT_ROOT}"]
    for part in container.read_only:
        if (container.ml / part).exists():
            command += ["--volume", f"{container.ml / part}:{DEFAULT_ROOT / part}:ro"]
    for name in dict.fromkeys((container.host, *container.hosts)):
        if name != "localhost":
            command += ["--add-host", f"{name}:{HOST}"]
    for name, text in environment.given(settings, container).items():
        command += ["--env", f"{name}={text}"]
        if name == marks.OWNER:
            command += ["--label", f"{name}={text}"]
            command += ["--label", f"{JOB_LABEL}={text.rpartition(':')[0]}"]
    return [*command, *_program(image, container)]


def kill_labelled(client: str, label: str, value: str) -> None:
    """Kill the containers that were given this label: those of a runner, or of a job."""
    wanted = f"label={label}={value}"
    found = _answer([client, "ps", "--quiet", "--filter", wanted]).split()
    if found:
        _answer([client, "kill", *found])


def _program(image: str, container: Container) -> list[str]:
    if not container.entrypoint:
        return [image, *container.arguments]
    first, *others = container.entrypoint
    return ["--entrypoint", first, image, *others, *container.arguments]


def _answer(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
