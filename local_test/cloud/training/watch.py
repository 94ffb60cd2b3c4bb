"""Whether a job is to end before its program does, and why."""

import random
import time
from enum import Enum
from threading import Event

from local_test.cloud.cloud import Cloud
from local_test.cloud.operations import Document
from local_test.cloud.training import checks, transitions
from local_test.cloud.training.spot import Schedule
from local_test.cloud.training.transitions import KIND

_ASK_EVERY_S = 0.2

INTERRUPT = "_interrupt"
"""Set in a job's document, it takes the spot instances away at once."""


class Why(Enum):
    """Why a training ended; the first is that the program did."""

    ENDED = "ended"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    MAX_RUNTIME = "max runtime"
    MAX_WAIT = "max wait"


class Watch:
    """Looks at the job's document, at the clock and at the spot schedule.

    `signalled` is set when this process was asked to end, which stops the job.
    """

    def __init__(self, cloud: Cloud, job: Document, signalled: Event) -> None:
        self._cloud = cloud
        self._job = job
        self._signalled = signalled
        self._is_spot = bool(job["EnableManagedSpotTraining"])
        self._schedule = Schedule.parse(cloud.settings.spot if self._is_spot else "")
        self._interruptions = 0
        self._ran_s = 0.0
        self._began_s: float | None = None
        self._due_s = float("inf")
        self._asked_at_s = float("-inf")
        self._is_stopping = False
        self._is_interrupted = False

    def begin(self) -> None:
        """The instances are there: from now on the time counts."""
        self._began_s = time.monotonic()

    def train(self) -> None:
        """The program starts: from now on its instances can be taken away."""
        due_s = self._schedule.due_s(self._interruptions, random.Random())
        self._due_s = time.monotonic() + due_s

    def pause(self) -> None:
        """The instances are gone."""
        if self._began_s is not None:
            self._ran_s += time.monotonic() - self._began_s
        self._began_s, self._due_s = None, float("inf")

    def interrupted(self) -> None:
        """Remember that the instances were taken away once more."""
        self._interruptions += 1
        self._is_interrupted = False
        self._cloud.store.change(
            KIND, self._job["TrainingJobName"], lambda job: job.pop(INTERRUPT, None)
        )

    def why(self) -> Why | None:
        """Why the job is to end now; None as long as it is not."""
        self._ask()
        condition = self._job["StoppingCondition"]
        if self._is_stopping or self._signalled.is_set():
            return Why.STOPPED
        waited_s = time.time() - self._job["CreationTime"]
        if self._is_spot and waited_s > condition["MaxWaitTimeInSeconds"]:
            return Why.MAX_WAIT
        if self._running_s() > checks.max_runtime_s(self._job):
            return Why.MAX_RUNTIME
        if self._is_spot and (self._is_interrupted or time.monotonic() > self._due_s):
            return Why.INTERRUPTED
        return None

    def _running_s(self) -> float:
        since_s = 0.0 if self._began_s is None else time.monotonic() - self._began_s
        return self._ran_s + since_s

    def _ask(self) -> None:
        """What others wrote into the document, not more often than is worth its price."""
        if time.monotonic() - self._asked_at_s < _ASK_EVERY_S:
            return
        self._asked_at_s = time.monotonic()
        job = self._cloud.store.find(KIND, self._job["TrainingJobName"])
        self._is_stopping = job is None or transitions.is_stopping(job) or transitions.is_over(job)
        self._is_interrupted = bool(job and job.get(INTERRUPT))
