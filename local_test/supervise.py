"""Waiting for a job without losing what it learned: a signal is passed on, then waited for."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from imageclf.contract import STOP_GRACE_S
from imageclf.errors import ImageclfError
from local_test.jobs import Job

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_S = 0.1
# The first process of a container gets no signal that it does not listen to yet.
_ASK_AGAIN_S = 10.0
# make and a process group can deliver one Ctrl-C twice; a second one is meant only if it is later.
_SECOND_AFTER_S = 1.0


Child = subprocess.Popen[bytes]


@dataclass
class _Stop:
    """When signals came, in seconds of the monotonic clock."""

    received_s: list[float] = field(default_factory=list)

    def note(self, _number: int, _frame: FrameType | None) -> None:
        self.received_s.append(time.monotonic())

    def begin(self) -> None:
        """Stop, whether or not a signal asked for it."""
        if not self.asked:
            self.received_s.append(time.monotonic())

    @property
    def asked(self) -> bool:
        return bool(self.received_s)

    def is_over(self, grace_s: float) -> bool:
        """The time is up, or the user asked again."""
        first_s, last_s = self.received_s[0], self.received_s[-1]
        return time.monotonic() - first_s > grace_s or last_s - first_s > _SECOND_AFTER_S


@dataclass(frozen=True)
class Grace:
    """How long a job is waited for when it is to stop, and what for."""

    seconds: float = STOP_GRACE_S
    what_for: str = "the checkpoint"


def supervise(
    job: Job, grace: Grace = Grace(), leave: Callable[[Child], bool] = lambda _: False
) -> int:
    """Run `job` to its end and return its exit code (128 + signal for a death by signal).

    SIGINT, SIGTERM and SIGHUP are passed on as SIGTERM; the job then has the `grace` before it is
    killed. `leave` is called over and over: once it returns true, the job is left running, and 0
    returned; when it raises, the job is stopped first.
    """
    with _noticed() as stop:
        child = job.start()
        try:
            while not stop.asked and _is_running(child):
                if leave(child):
                    return 0
        except ImageclfError:
            stop.begin()
            raise
        finally:
            if stop.asked:
                _end(job, child, stop, grace)
    code = child.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _noticed() -> Iterator[_Stop]:
    stop = _Stop()
    before = {number: signal.signal(number, stop.note) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_running(child: Child) -> bool:
    try:
        child.wait(timeout=_POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(job: Job, child: Child, stop: _Stop, grace: Grace) -> None:
    stop.begin()
    print(
        f"\nStopping: waiting up to {grace.seconds:g} s for {grace.what_for}; Ctrl-C again kills.",
        flush=True,
    )
    ask_at_s = 0.0
    while _is_running(child):
        if stop.is_over(grace.seconds):
            job.send(child, "KILL")
        elif time.monotonic() >= ask_at_s and job.send(child, "TERM"):
            ask_at_s = time.monotonic() + _ASK_AGAIN_S
