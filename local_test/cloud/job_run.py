"""What jobs with a runner of their own have in common on the runner's side.

A runner is a process for one job. It claims the job, so that no other runner does it too, and
brings it to its end whatever happens, unless it is killed; then the endpoint marks the job.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local_test.cloud import jobs
from local_test.cloud.cloud import Cloud
from local_test.cloud.jobs import Kind
from local_test.cloud.machines import runners
from local_test.cloud.machines.identity import identity
from local_test.cloud.machines.machine import Instance, UnusableImageError
from local_test.cloud.operations import Document
from local_test.cloud.settings import CloudSettings

_LOOK_EVERY_S = 0.05


class JobFailedError(Exception):
    """The job has failed; the message is its FailureReason."""


class StoppedError(Exception):
    """The job was told to stop, or has run for as long as it may."""


class _ClaimedError(Exception):
    pass


@dataclass
class Run:
    """One job while its runner sees to it."""

    cloud: Cloud
    kind: Kind
    name: str
    job: Document
    stop: threading.Event
    deadline_s: float = float("inf")

    def change(self, **fields: object) -> None:
        """Set fields of the job's document."""

        def how(job: Document) -> None:
            job.update(fields)
            job["LastModifiedTime"] = time.time()

        self.job = self.cloud.store.change(self.kind.resource, self.name, how)

    def is_over(self) -> bool:
        """Whether the job was told to stop or its time is up."""
        return self.stop.is_set() or time.monotonic() > self.deadline_s

    def check(self) -> None:
        """Go on only while the job may.

        Raises:
            StoppedError: it was told to stop, or its time is up.
        """
        if self.is_over():
            raise StoppedError

    def wait(self, seconds: float) -> None:
        """Sleep, but not longer than the job may go on; raises as `check` does."""
        self.stop.wait(max(0.0, min(seconds, self.deadline_s - time.monotonic())))
        self.check()

    def limit(self, seconds: float) -> None:
        """Let the job go on for so long from now."""
        self.deadline_s = time.monotonic() + seconds


def main(arguments: Sequence[str], kind: Kind, work: Callable[[Run], None]) -> int:
    """The runner of the job that `arguments` name: claim it, do `work`, close it."""
    (name,) = arguments
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = CloudSettings.from_environment()
    runners.guard(settings)
    cloud = Cloud.open(settings)
    try:
        job = cloud.store.change(kind.resource, name, _claim)
    except _ClaimedError:
        return 0
    if job[kind.field("Status")] != jobs.IN_PROGRESS:
        stop.set()
    run = Run(cloud, kind, name, job, stop)
    _close(run, *_outcome(run, work))
    return 0


def _claim(job: Document) -> None:
    if "_claimed" in job:
        raise _ClaimedError
    job["_claimed"] = True
    job["_runner"] = identity(os.getpid())


def _outcome(run: Run, work: Callable[[Run], None]) -> tuple[str, str]:
    """Status and reason of the job when `work` is done with it."""
    try:
        run.check()
        work(run)
    except StoppedError:
        return jobs.STOPPED, ""
    except JobFailedError as error:
        return jobs.FAILED, str(error)
    except UnusableImageError as error:
        return jobs.FAILED, f"ClientError: {error}"
    except OSError as error:
        return jobs.FAILED, f"InternalServerError: {error}."
    except BaseException as error:
        _close(run, jobs.FAILED, f"InternalServerError: {type(error).__name__}: {error}")
        raise
    return jobs.COMPLETED, ""


def _close(run: Run, status: str, reason: str) -> None:
    if reason:
        print(reason, file=sys.stderr)
    run.cloud.store.change(
        run.kind.resource, run.name, lambda job: jobs.close(run.kind, job, status, reason=reason)
    )


def end_instances(instances: Sequence[Instance], grace_s: float) -> None:
    """SIGTERM, and SIGKILL to those that are still there after `grace_s`."""
    for instance in instances:
        instance.send("TERM")
    deadline_s = time.monotonic() + grace_s
    while any(one.exit_code() is None for one in instances) and time.monotonic() < deadline_s:
        time.sleep(_LOOK_EVERY_S)
    for instance in instances:
        while instance.exit_code() is None:
            instance.send("KILL")
            time.sleep(_LOOK_EVERY_S)
