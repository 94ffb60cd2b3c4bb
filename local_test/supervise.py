"""Waiting for a job without losing what it learned: a signal is passed on, then waited for."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from imageclf.contract import STOP_GRACE_S
from local_test.jobs import Job

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_S = 0.1
# The first process of a container gets no signal that it does not listen to yet.
_ASK_AGAIN_S = 10.0
# make and a process group can deliver one Ctrl-C twice; a second one is meant only if it is later.
_SECOND_AFTER_S = 1.0


@dataclass
class _Stop:
    """When signals came, in seconds of the monotonic clock."""

    received_s: list[float] = field(default_factory=list)

    def note(self, _number: int, _frame: FrameType | None) -> None:
        self.received_s.append(time.monotonic())

    @property
    def asked(self) -> bool:
        return bool(self.received_s)

    def is_over(self, grace_s: float) -> bool:
        """The time is up, or the user asked again."""
        first_s, last_s = self.received_s[0], self.received_s[-1]
        return time.monotonic() - first_s > grace_s or last_s - first_s > _SECOND_AFTER_S


def supervise(job: Job, grace_s: float = STOP_GRACE_S) -> int:
    """Run `job` to its end and return its exit code (128 + signal for a death by signal).

    SIGINT, SIGTERM and SIGHUP are passed on as SIGTERM; the job then has `grace_s` seconds to
    write a checkpoint before it is killed.
    """
    with _noticed() as stop:
        child = job.start()
        while not stop.asked and _is_running(child):
            continue
        if stop.asked:
            _end(job, child, stop, grace_s)
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


def _is_running(child: "subprocess.Popen[bytes]") -> bool:
    try:
        child.wait(timeout=_POLL_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(job: Job, child: "subprocess.Popen[bytes]", stop: _Stop, grace_s: float) -> None:
    print(
        f"\nStopping: waiting up to {grace_s:g} s for the checkpoint; Ctrl-C again kills.",
        flush=True,
    )
    ask_at_s = 0.0
    while _is_running(child):
        if stop.is_over(grace_s):
            job.send(child, "KILL")
        elif time.monotonic() >= ask_at_s and job.send(child, "TERM"):
            ask_at_s = time.monotonic() + _ASK_AGAIN_S
