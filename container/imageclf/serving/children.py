"""The processes below the supervisor: started, restarted a few times, ended with all below them."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO

from imageclf.serving import logs

RESTARTS = 5
RESTART_WINDOW_S = 60.0

_PR_SET_PDEATHSIG = 1
_NOISE = ("WARNING: sun.reflect.Reflection", "Model server started.")


def _bind(parent: int) -> None:
    """Two system calls and no lock, as befits a new process among threads."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        os._exit(1)


class Child:
    """One process that is meant to live as long as the server, in a process group of its own.

    Args:
        before: called before each start.
        wrap: its output goes through us: JSON lines as they are, anything else as one.
        bound: it is killed when this process dies, however that happens (on Linux).
        survived: what it leaves behind when it ends goes on when it is started anew.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: dict[str, str],
        *,
        before: Callable[[], None] = lambda: None,
        pass_fds: Sequence[int] = (),
        wrap: bool = False,
        bound: bool = False,
        survived: bool = False,
    ) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._before = before
        self._pass_fds = pass_fds
        self._wrap = wrap
        self._bound = bound and sys.platform == "linux"
        self._survived = survived
        self._groups: set[int] = set()
        self._starts: deque[float] = deque(maxlen=RESTARTS + 1)
        self.pid = 0
        self.code: int | None = None

    def start(self) -> None:
        """Start it; what an earlier one left in its process group is ended first, or goes on."""
        if not self._survived:
            self._kill_groups()
        self._groups = {group for group in self._groups if _anybody_in(group)}
        self._before()
        self._starts.append(time.monotonic())
        process = subprocess.Popen(
            list(self._command),
            env=self._environment,
            pass_fds=self._pass_fds,
            start_new_session=True,
            preexec_fn=partial(_bind, os.getpid()) if self._bound else None,  # noqa: PLW1509
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if self._wrap else None,
            stderr=subprocess.STDOUT if self._wrap else None,
        )
        process.returncode = 0  # the supervisor reaps; Popen must not wait for it as well
        self.pid, self.code = process.pid, None
        self._groups.add(process.pid)
        if process.stdout is not None:
            threading.Thread(target=_forward, args=(process.stdout,), daemon=True).start()

    @property
    def may_restart(self) -> bool:
        """False when it was started too often in too short a time."""
        full = len(self._starts) > RESTARTS
        return not (full and time.monotonic() - self._starts[0] < RESTART_WINDOW_S)

    def ended(self, status: int) -> None:
        """Take note of the status that `waitpid` gave."""
        self.code = os.waitstatus_to_exitcode(status)

    def signal(self, number: int) -> None:
        """Send a signal to the process alone."""
        if self.pid and self.code is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it and all below it at once."""
        self.signal(signal.SIGKILL)
        self._kill_groups()

    def _kill_groups(self) -> None:
        while self._groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left in it
                os.killpg(self._groups.pop(), signal.SIGKILL)


def _anybody_in(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _forward(stream: IO[bytes]) -> None:
    with stream:
        for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            if _is_json(line):
                logs.raw(line)
            elif line and not line.startswith(_NOISE):
                logs.info(line, source="mms")


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
