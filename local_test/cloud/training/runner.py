"""The process of one training job: it sees to the job from the first status to the last."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

from local_test.cloud.cloud import Cloud
from local_test.cloud.logs import TRAINING_JOBS
from local_test.cloud.machines import slots
from local_test.cloud.machines.identity import identity
from local_test.cloud.operations import Document
from local_test.cloud.training import transitions
from local_test.cloud.training.attempt import Attempt, JobFailedError
from local_test.cloud.training.transitions import KIND
from local_test.cloud.training.watch import Watch, Why

_LAST = {
    Why.STOPPED: "Stopped",
    Why.MAX_RUNTIME: "MaxRuntimeExceeded",
    Why.MAX_WAIT: "MaxWaitTimeExceeded",
}
"""Secondary status of a job that was stopped, by why."""


def run(cloud: Cloud, name: str) -> None:
    """See to the job `name`, unless another process does or did."""
    signalled = Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: signalled.set())
    job = _claim(cloud, name)
    if job is not None:
        _Runner(cloud, job, Watch(cloud, job, signalled)).run()


def _claim(cloud: Cloud, name: str) -> Document | None:
    """The job's document; None when it is another runner's, or gone."""
    mine = identity(os.getpid())

    def claim(job: Document) -> None:
        if "_runner" not in job and not transitions.is_over(job):
            job["_runner"] = mine

    job = cloud.store.find(KIND, name) and cloud.store.change(KIND, name, claim)
    return job if job and job.get("_runner") == mine else None


Change = Callable[[Document], object]


def _end(why: Why, job: Document) -> None:
    if why is Why.ENDED and not transitions.is_stopping(job):
        transitions.end(job, "Completed")
    else:
        transitions.end(job, "Stopped", _LAST.get(why, "Stopped"))


def _failed(reason: str) -> Change:
    return lambda job: transitions.end(job, "Failed", reason=reason)


class _Runner:
    def __init__(self, cloud: Cloud, job: Document, watch: Watch) -> None:
        self._cloud = cloud
        self._job = job
        self._name: str = job["TrainingJobName"]
        self._watch = watch
        self._folder: Path = cloud.store.folder(KIND, self._name)
        self._idle_since_s: float | None = None

    def run(self) -> None:
        """Go through all attempts to the end; whoever sees the end finds nothing left here."""
        try:
            end = self._run()
        except JobFailedError as error:
            end = _failed(str(error))
        except BaseException as error:
            self._finish(_failed(f"InternalServerError: {type(error).__name__}: {error}"))
            raise
        self._finish(end)

    def _run(self) -> Change:
        self._note_what_is_ignored()
        while (why := self._attempt()) is Why.INTERRUPTED:
            self._be_interrupted()
        return partial(_end, why)

    def _finish(self, end: Change) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._change(end)

    def _attempt(self) -> Why:
        """Wait for slots and run once; what is left behind is put into S3 while they are held."""
        try:
            with slots.taken(
                self._cloud.settings.root,
                self._job["ResourceConfig"]["InstanceCount"],
                self._cloud.settings.slots,
                since_s=self._job["CreationTime"],
                is_over=lambda: self._watch.why() is not None,
                waiting=lambda: self._proceed("Pending"),
            ):
                return self._run_once()
        except slots.GivenUpError:
            return self._watch.why() or Why.STOPPED

    def _run_once(self) -> Why:
        self._proceed("Starting", "Preparing the instances for training")
        shutil.rmtree(self._folder, ignore_errors=True)  # of an earlier attempt
        attempt = Attempt(self._cloud, self._job, self._watch)
        self._begin()
        why: Why | None = None
        try:
            why = attempt.run()
            self._watch.pause()
            if why is not Why.INTERRUPTED:
                self._proceed("Uploading")
                self._mark_stopping(why)
                attempt.upload()
        finally:
            self._watch.pause()
            attempt.end_rules(why)
        return why

    def _begin(self) -> None:
        """The instances are there: the job's time begins, or goes on after an interruption."""
        now_s = time.time()
        since_s, self._idle_since_s = self._idle_since_s, None

        def begin(job: Document) -> None:
            job.setdefault("TrainingStartTime", now_s)
            if since_s is not None:
                job["_idle_s"] = job.get("_idle_s", 0.0) + now_s - since_s

        self._change(begin)
        self._watch.begin()

    def _be_interrupted(self) -> None:
        self._idle_since_s = time.time()
        self._proceed("Interrupted")
        self._watch.interrupted()
        self._say("The spot instances were taken away; the job starts again when there are others.")

    def _mark_stopping(self, why: Why) -> None:
        if why is not Why.ENDED:
            self._change(
                lambda job: None if transitions.is_stopping(job) else transitions.ask_to_stop(job)
            )

    def _note_what_is_ignored(self) -> None:
        if self._job["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
            self._say("Warm pools are not kept here: KeepAlivePeriodInSeconds is ignored.")

    def _proceed(self, secondary: str, message: str | None = None) -> None:
        self._change(lambda job: transitions.proceed(job, secondary, message))

    def _change(self, how: Change) -> None:
        self._cloud.store.change(KIND, self._name, how)

    def _say(self, text: str) -> None:
        """A line of our own in the log of the first instance."""
        stream = f"{self._name}/algo-1-{int(self._job['CreationTime'] * 1000)}"
        self._cloud.logs.put(TRAINING_JOBS, stream, [(int(time.time() * 1000), text)])
