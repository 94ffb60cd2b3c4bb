"""What the API shows of a tuning job and of its training jobs, from the trials."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from local_test.cloud.tuning.definitions import Definition
from local_test.cloud.tuning.stopping import better
from local_test.cloud.tuning.trials import Trial, final

Document = dict[str, Any]

_COPIED = (
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "FailureReason",
)
_COUNTERS = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
_OBJECTIVE_COUNTERS = ("Succeeded", "Pending", "Failed")


def training_job(trial: Trial, job: Mapping[str, Any], definition: Definition) -> Document:
    """The summary of a training job, from its own document."""
    summary: Document = {
        "TrainingJobName": trial.name,
        "TrainingJobStatus": job["TrainingJobStatus"],
        "TunedHyperParameters": dict(trial.values),
        **{field: job[field] for field in _COPIED if job.get(field)},
    }
    if trial.definition:
        summary["TrainingJobDefinitionName"] = trial.definition
    value = final(job, definition.metric)
    ended = job["TrainingJobStatus"] in {"Completed", "Stopped", "Failed"}
    usable = value is not None and job["TrainingJobStatus"] != "Failed"
    summary["ObjectiveStatus"] = ("Succeeded" if usable else "Failed") if ended else "Pending"
    if ended and usable:
        summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
            **definition.objective,
            "Value": value,
        }
    return summary


def lost(trial: Trial, arn: str, now_s: float) -> Document:
    """The summary of a training job that was deleted before it was seen to end."""
    return {
        "TrainingJobName": trial.name,
        "TrainingJobArn": arn,
        "CreationTime": now_s,
        "TunedHyperParameters": dict(trial.values),
        **trial.summary,
        "TrainingJobStatus": "Stopped",
        "TrainingEndTime": now_s,
        "ObjectiveStatus": "Failed",
    }


def counters(trials: Iterable[Trial]) -> tuple[Document, Document]:
    """TrainingJobStatusCounters and ObjectiveStatusCounters."""
    counted = [trial for trial in trials if trial.created]
    jobs = Counter(_counter(trial) for trial in counted)
    objectives = Counter(str(trial.summary.get("ObjectiveStatus", "Pending")) for trial in counted)
    return (
        {name: jobs[name] for name in _COUNTERS},
        {name: objectives[name] for name in _OBJECTIVE_COUNTERS},
    )


def is_internal_error(job: Mapping[str, Any]) -> bool:
    """Whether a training job, or its summary, failed through no fault of the training."""
    reason = str(job.get("FailureReason", ""))
    return job.get("TrainingJobStatus") == "Failed" and reason.startswith("InternalServerError")


def _counter(trial: Trial) -> str:
    if trial.status == "Failed":
        return "RetryableError" if is_internal_error(trial.summary) else "NonRetryableError"
    return trial.status if trial.status in _COUNTERS else "InProgress"


def best(trials: Iterable[Trial], maximize: bool) -> Document | None:
    """The summary of the training job with the best objective."""
    found: Trial | None = None
    for trial in trials:
        if trial.objective is not None and (
            found is None or better(trial.objective, found.objective or 0.0, maximize)
        ):
            found = trial
    return None if found is None else dict(found.summary)


def objectives(trials: Iterable[Trial]) -> list[float]:
    """The objectives of the training jobs that have one, in the order in which they ended."""
    ended = sorted((trial for trial in trials if trial.has_ended), key=lambda one: one.ended_at)
    return [trial.objective for trial in ended if trial.objective is not None]


def best_of(summaries: Sequence[Document | None], maximize: bool) -> Document | None:
    """The best of several best training jobs; None when there is none."""
    found = [one for one in summaries if one]
    choose = max if maximize else min
    return choose(found, key=objective_of, default=None)


def objective_of(summary: Mapping[str, Any]) -> float:
    """The final objective in a summary that has one."""
    return float(summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
