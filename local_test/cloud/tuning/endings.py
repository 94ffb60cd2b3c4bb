"""Why a tuning job comes to its end, judged from its configuration and its trials."""

from collections.abc import Mapping, Sequence
from typing import Any

from local_test.cloud.tuning import checks, stopping, summaries
from local_test.cloud.tuning.definitions import Definition
from local_test.cloud.tuning.trials import Trial

Document = dict[str, Any]

_ATTEMPTS = 5
"""Training jobs after which AWS gives up when none of them succeeded."""


def ending(
    document: Mapping[str, Any],
    definitions: tuple[Definition, ...],
    trials: Sequence[Trial],
    now_s: float,
) -> Document | None:
    """The status that the tuning job is to end with, and the reason of a failure.

    None as long as it goes on. Training jobs may still be running when there is an end: then they
    are to be stopped.
    """
    if document["HyperParameterTuningJobStatus"] == "Stopping":
        return {"status": "Stopped"}
    config = document["HyperParameterTuningJobConfig"]
    most = checks.jobs(config, definitions)
    all_ended = len(trials) >= most and all(trial.has_ended for trial in trials)
    if reason := _failure([trial for trial in trials if trial.has_ended], all_ended):
        return {"status": "Failed", "reason": reason}
    seconds = config["ResourceLimits"].get("MaxRuntimeInSeconds", float("inf"))
    timed_out = now_s - document["CreationTime"] >= seconds
    if timed_out or all_ended or _is_satisfied(config, definitions, trials):
        return {"status": "Completed"}
    return None


def details(
    definitions: tuple[Definition, ...], trials: Sequence[Trial], before: Document, now_s: float
) -> Document:
    """TuningJobCompletionDetails; `before` are those that were given until now."""
    found = summaries.objectives(trials)
    maximize = definitions[0].maximize
    count = stopping.jobs_not_improving(found, maximize)
    result: Document = {"NumberOfTrainingJobsObjectiveNotImproving": count}
    if has_converged(definitions, trials):
        result["ConvergenceDetectedTime"] = before.get("ConvergenceDetectedTime", now_s)
    return result


def has_converged(definitions: tuple[Definition, ...], trials: Sequence[Trial]) -> bool:
    """Whether more training jobs are unlikely to find anything better."""
    ranges = max(len(definition.ranges) for definition in definitions)
    found = summaries.objectives(trials)
    return stopping.has_converged(found, ranges, definitions[0].maximize)


def _failure(ended: Sequence[Trial], all_ended: bool) -> str:
    if not ended or any(trial.objective is not None for trial in ended):
        return ""
    failed = sum(trial.status == "Failed" for trial in ended)
    completed = sum(trial.status == "Completed" for trial in ended)
    if failed + completed < _ATTEMPTS and not all_ended:
        return ""
    if completed:
        return (
            f"No objective metrics found after running {failed + completed} training jobs. "
            "Please ensure that the custom algorithm is emitting the objective metric as defined "
            "by the regular expression provided."
        )
    if failed:
        return (
            f"No training job succeeded after {failed} attempts. Please take a look at the "
            "training job failures to get more details."
        )
    return ""


def _is_satisfied(
    config: Mapping[str, Any], definitions: tuple[Definition, ...], trials: Sequence[Trial]
) -> bool:
    criteria = config.get("TuningJobCompletionCriteria", {})
    found = summaries.objectives(trials)
    maximize = definitions[0].maximize
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None and stopping.has_reached(found, float(target), maximize):
        return True
    patience = criteria.get("BestObjectiveNotImproving", {}).get(
        "MaxNumberOfTrainingJobsNotImproving"
    )
    if patience is not None and stopping.jobs_not_improving(found, maximize) >= patience:
        return True
    convergence = criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence")
    return convergence == "Enabled" and has_converged(definitions, trials)
