"""One tuning job, from its first training job to its last.

It looks at what is on disk, does the next thing that is due, and writes it down before it does
it. All that it knows comes from there, so it may be killed and started again at any time.
"""

import time
from collections.abc import Sequence
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.operations import Request
from local_test.cloud.training import jobs
from local_test.cloud.tuning import (
    checks,
    definitions,
    endings,
    losers,
    parents,
    summaries,
    trials,
    warm_start,
)
from local_test.cloud.tuning.definitions import Definition
from local_test.cloud.tuning.observations import Observation
from local_test.cloud.tuning.ranges import combinations
from local_test.cloud.tuning.suggestions import Search, suggest
from local_test.cloud.tuning.trials import KIND, TRAINING_KIND, Trial, Trials

Document = dict[str, Any]

POLL_S = 0.2


class Tuner:
    """The tuning job `name`, which is there and runs."""

    def __init__(self, cloud: Cloud, name: str, document: Document) -> None:
        self._cloud = cloud
        self._name = name
        self._arn = document["HyperParameterTuningJobArn"]
        self._region = self._arn.split(":")[3]
        self._config = document["HyperParameterTuningJobConfig"]
        self._seed = int(document["_seed"])
        self._warm = document.get("WarmStartConfig", {}).get("WarmStartType", "")
        self._definitions = definitions.read(document)
        self._kept = Trials(cloud.store, name)
        self._trials = self._kept.all()
        self._judges = {one.name: losers.judge(self._config, one) for one in self._definitions}
        self._parents = parents.observations(cloud, name, self._definitions[0], self._warm)

    def run(self) -> None:
        """Go on until the tuning job has ended."""
        while not self.step():
            time.sleep(POLL_S)

    def step(self) -> bool:
        """Do what is due now; whether the tuning job has ended."""
        document = self._cloud.store.find(KIND, self._name)
        if document is None or document["HyperParameterTuningJobStatus"] in warm_start.TERMINAL:
            return True
        ending = document.get("_ending")
        is_ending = bool(ending) or document["HyperParameterTuningJobStatus"] == "Stopping"
        self._trials = [self._looked_at(trial, is_ending) for trial in self._trials]
        if ending is None:
            ending = endings.ending(document, self._definitions, self._trials, time.time())
        if ending is None:
            self._judge()
            ending = self._launched()
        self._show(document, ending)
        if ending is None:
            return False
        return self._ended(ending)

    def _looked_at(self, trial: Trial, is_ending: bool) -> Trial:
        if trial.has_ended:
            return trial
        job = self._cloud.store.find(TRAINING_KIND, trial.name)
        if job is None and trial.created:
            arn = f"{self._arn.rpartition(':')[0]}:{TRAINING_KIND}/{trial.name}"
            summary = summaries.lost(trial, arn, time.time())
            return self._kept.keep(trial, summary=summary, ended_at=time.time())
        if job is None:
            return trial
        job = jobs.mark_if_lost(self._cloud, job)
        definition = self._definition(trial)
        retries = 0 if is_ending else definition.retries
        if summaries.is_internal_error(job) and trial.retries < retries:
            return self._to_be_retried(trial)
        looked = self._kept.keep(
            trial,
            created=True,
            readings=trials.readings(job, definition.metric),
            summary=summaries.training_job(trial, job, definition),
            ended_at=time.time() if job["TrainingJobStatus"] in trials.ENDED else 0.0,
        )
        if looked.stopping:
            self._stop(looked)
        return looked

    def _to_be_retried(self, trial: Trial) -> Trial:
        """The trial as if its training job had not been created yet."""
        anew = self._kept.keep(
            trial, created=False, retries=trial.retries + 1, readings=[], summary={}
        )
        jobs.delete(self._cloud, trial.name)
        return anew

    def _judge(self) -> None:
        for place, trial in enumerate(self._trials):
            if trial.has_ended or trial.stopping or not trial.readings:
                continue
            definition = self._definition(trial)
            judge = self._judges[trial.definition]
            rungs, reason = judge.judged(trial, self._trials, definition)
            self._trials[place] = self._kept.keep(trial, rungs=rungs, stopping=reason)
            if reason:
                self._stop(trial)

    def _launched(self) -> Document | None:
        """Start as many training jobs as may run; the end, when one cannot be started.

        Those come first that were written down by a tuner that was killed before it created them.
        """
        most = checks.jobs(self._config, self._definitions)
        parallel = int(self._config["ResourceLimits"]["MaxParallelTrainingJobs"])
        try:
            for place, trial in enumerate(self._trials):
                if not trial.created:
                    self._trials[place] = self._created(trial)
            while len(self._trials) < most and self._running() < parallel:
                self._trials.append(self._created(self._next()))
        except ApiError as error:
            return {"status": "Failed", "reason": error.message}
        return None

    def _running(self) -> int:
        return sum(not trial.has_ended for trial in self._trials)

    def _next(self) -> Trial:
        """The next trial, written down."""
        number = len(self._trials)
        definition = self._turn()
        own = [trial for trial in self._trials if trial.definition == definition.name]
        search = Search(
            definition.ranges,
            self._config["Strategy"],
            definition.maximize,
            self._seed,
            self._config["ResourceLimits"].get("MaxNumberOfTrainingJobs"),
        )
        known = [*self._parents, *self._observations(own)]
        values = suggest(search, len(own), known)
        return self._kept.add(number, len(own), definition, values)

    def _turn(self) -> Definition:
        """The definition with the fewest training jobs, of those that have values left to try."""
        used = {
            one.name: sum(trial.definition == one.name for trial in self._trials)
            for one in self._definitions
        }
        is_grid = self._config["Strategy"] == "Grid"
        left = [
            one
            for one in self._definitions
            if not is_grid or used[one.name] < combinations(one.ranges)
        ]
        return min(left, key=lambda one: used[one.name])

    def _observations(self, own: Sequence[Trial]) -> list[Observation]:
        values = [trial.objective for trial in own]
        if self._warm == "TransferLearning":
            scaled = iter(warm_start.standardized([one for one in values if one is not None]))
            values = [None if one is None else next(scaled) for one in values]
        return [
            Observation(
                trial.values,
                objective,
                running=not trial.has_ended,
                readings=len(trial.readings) if trial.stopping else 0,
            )
            for trial, objective in zip(own, values, strict=True)
        ]

    def _created(self, trial: Trial) -> Trial:
        """Let the training job of `trial` begin.

        Raises:
            ApiError: it is refused.
        """
        definition = self._definition(trial)
        arguments = definitions.training_request(
            definition, trial.name, trial.values, self._cloud.store.tags(self._arn)
        )
        request = Request("CreateTrainingJob", arguments, self._region)
        origin = {"TuningJobArn": self._arn}
        jobs.create(self._cloud, request, tuning=origin)
        return self._kept.keep(trial, created=True)

    def _stop(self, trial: Trial) -> None:
        if trial.status != "InProgress":
            return
        try:
            jobs.stop(self._cloud, trial.name)
        except ApiError:
            return  # It has just ended, which is seen at the next look.

    def _show(self, document: Document, ending: Document | None) -> None:
        """Write down what Describe says of the tuning job, where that has changed."""
        counted, objectives = summaries.counters(self._trials)
        maximize = self._definitions[0].maximize
        best = summaries.best(self._trials, maximize)
        before = document.get("TuningJobCompletionDetails", {})
        shown: Document = {
            "TrainingJobStatusCounters": counted,
            "ObjectiveStatusCounters": objectives,
            "TuningJobCompletionDetails": endings.details(
                self._definitions, self._trials, before, time.time()
            ),
        }
        if best:
            shown["BestTrainingJob"] = best
        if self._warm == "IdenticalDataAndAlgorithm":
            of_parents = parents.best(self._cloud, self._name, maximize)
            of_all = summaries.best_of([of_parents, best], maximize)
            shown |= {"OverallBestTrainingJob": of_all} if of_all else {}
        if ending:
            shown["_ending"] = ending
        if any(document.get(field) != value for field, value in shown.items()):
            shown["LastModifiedTime"] = time.time()
            self._cloud.store.change(KIND, self._name, lambda kept: kept.update(shown))

    def _ended(self, ending: Document) -> bool:
        """Stop what still runs; once nothing does, the tuning job has ended."""
        running = [trial for trial in self._trials if trial.created and not trial.has_ended]
        for trial in running:
            self._stop(trial)
        if running:
            return False
        self._cloud.store.change(KIND, self._name, lambda kept: _finish(kept, ending))
        return True

    def _definition(self, trial: Trial) -> Definition:
        return next(one for one in self._definitions if one.name == trial.definition)


def _finish(document: Document, ending: Document) -> None:
    stopped = document["HyperParameterTuningJobStatus"] == "Stopping"
    now = time.time()
    document["HyperParameterTuningJobStatus"] = "Stopped" if stopped else ending["status"]
    document["HyperParameterTuningEndTime"] = document["LastModifiedTime"] = now
    if ending.get("reason"):
        document["FailureReason"] = str(ending["reason"])[:1024]
