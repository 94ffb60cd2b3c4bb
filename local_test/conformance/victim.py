"""The server's process or container, which can be told to stop and waited for."""

import subprocess
import time
from dataclasses import dataclass, field
from typing import Protocol

import psutil

from imageclf.errors import SettingsError
from local_test import docker

_LOOK_EVERY_S = 0.05


@dataclass(frozen=True)
class End:
    """How it ended; only the parent of a process learns its exit code."""

    after_s: float
    code: int | None


class Victim(Protocol):
    """Something that takes SIGTERM."""

    def terminate(self) -> None: ...

    def wait(self, limit_s: float) -> End | None:
        """How it ended, or None when it did not within `limit_s`."""
        ...


@dataclass(frozen=True)
class Process:
    """A process of this machine."""

    pid: int

    def __post_init__(self) -> None:
        if not psutil.pid_exists(self.pid):
            raise SettingsError(f"There is no process {self.pid}; name that of the server.")

    def terminate(self) -> None:
        psutil.Process(self.pid).terminate()

    def wait(self, limit_s: float) -> End | None:
        began = time.monotonic()
        while (after_s := time.monotonic() - began) < limit_s:
            try:
                process = psutil.Process(self.pid)
                return End(after_s, process.wait(timeout=_LOOK_EVERY_S))
            except psutil.NoSuchProcess:
                return End(after_s, None)
            except psutil.TimeoutExpired:
                # One that its parent has not asked about yet.
                if process.status() == psutil.STATUS_ZOMBIE:
                    return End(after_s, None)
        return None


@dataclass
class Container:
    """A container by its name."""

    name: str
    client: str = "docker"
    _waiting: "subprocess.Popen[str] | None" = field(default=None, init=False)

    def terminate(self) -> None:
        # Asked beforehand: afterwards a container that removes itself is gone.
        self._waiting = subprocess.Popen(
            [self.client, "wait", self.name], stdout=subprocess.PIPE, text=True
        )
        docker.send_signal(self.client, self.name, "TERM")

    def wait(self, limit_s: float) -> End | None:
        began = time.monotonic()
        assert self._waiting is not None
        try:
            out, _ = self._waiting.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self._waiting.kill()
            self._waiting.communicate()
            return None
        code = int(out) if out.strip().isdecimal() else None
        return End(time.monotonic() - began, code)
