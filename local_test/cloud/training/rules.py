"""Rules of the debugger as a job's document has them: configurations, statuses, addresses.

Each rule is a job of its own, as on AWS; `evaluation` runs them.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from local_test.cloud.errors import validation
from local_test.cloud.objects import uri
from local_test.cloud.operations import Document

CONFIGURATIONS = "DebugRuleConfigurations"
STATUSES = "DebugRuleEvaluationStatuses"
RULE_TO_INVOKE = "rule_to_invoke"
SOURCE = "source_s3_uri"

RUNS, ISSUES, ERROR, STOPPED = "InProgress", "IssuesFound", "Error", "Stopped"

TOO_EARLY = "The training job ended before the rule was done."

_DETAILS_CHARACTERS = 1024
_PART_CHARACTERS = 26
"""Of the job's name and of the rule's, in the name of the rule's job."""

_NO_RULE = (
    "The local endpoint does not run images of rules: give a built-in rule by its rule_to_invoke, "
    "or a source file with it."
)
_NO_PROFILER = "The local endpoint does not run rules of the profiler yet."


def check(arguments: Mapping[str, Any]) -> None:
    """Look through the rules in the arguments of CreateTrainingJob.

    Raises:
        ApiError: two have one name, or an address is none.
    """
    given: Sequence[Mapping[str, Any]] = arguments.get(CONFIGURATIONS, ())
    names = [one["RuleConfigurationName"] for one in given]
    if len(set(names)) < len(names):
        raise validation("Each RuleConfigurationName must be unique within a training job.")
    for one in given:
        for address in (one.get("S3OutputPath"), one.get("RuleParameters", {}).get(SOURCE)):
            if address:
                uri.split(address)


def begin(job: Document, now_s: float) -> None:
    """Give a new job the statuses of its rules."""
    if configurations := job.get(CONFIGURATIONS):
        job[STATUSES] = [_first_status(job, one, now_s) for one in configurations]
    if profilers := job.get("ProfilerRuleConfigurations"):
        job["ProfilerRuleEvaluationStatuses"] = [
            {
                "RuleConfigurationName": one["RuleConfigurationName"],
                "RuleEvaluationStatus": ERROR,
                "StatusDetails": _NO_PROFILER,
                "LastModifiedTime": now_s,
            }
            for one in profilers
        ]


def change(job: Document, name: str, status: str, details: str, at_s: float) -> None:
    """Set the status of the rule `name`."""
    for one in job.get(STATUSES, ()):
        if one["RuleConfigurationName"] == name:
            one["RuleEvaluationStatus"] = status
            one["LastModifiedTime"] = at_s
            one.pop("StatusDetails", None)
            if details:
                one["StatusDetails"] = " ".join(details.split())[:_DETAILS_CHARACTERS]


def end(job: Document, now_s: float) -> None:
    """The job is over: no rule is evaluated any more."""
    for one in job.get(STATUSES, ()):
        if one["RuleEvaluationStatus"] == RUNS:
            change(job, one["RuleConfigurationName"], STOPPED, TOO_EARLY, now_s)


def to_evaluate(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The configurations of the rules whose status is not yet the last one."""
    running = {
        one["RuleConfigurationName"]
        for one in job.get(STATUSES, ())
        if one["RuleEvaluationStatus"] == RUNS
    }
    return [one for one in job.get(CONFIGURATIONS, ()) if one["RuleConfigurationName"] in running]


def job_name(job: Mapping[str, Any], rule: str) -> str:
    """The name of the job of a rule, cut and marked as AWS does it, in small letters."""
    mark = hashlib.sha256(f"{job['TrainingJobArn']}/{rule}".encode()).hexdigest()[:8]
    parts = [_plain(job["TrainingJobName"]), _plain(rule), mark]
    return "-".join(part for part in parts if part)


def arn(job: Mapping[str, Any], rule: str) -> str:
    """The RuleEvaluationJobArn of a rule."""
    place = job["TrainingJobArn"].rpartition(":")[0]
    return f"{place}:processing-job/{job_name(job, rule)}"


def output(job: Mapping[str, Any], configuration: Mapping[str, Any]) -> str:
    """Where in S3 a rule's output lies."""
    base = configuration.get("S3OutputPath") or job["OutputDataConfig"]["S3OutputPath"]
    name = configuration["RuleConfigurationName"]
    return uri.join(base, job["TrainingJobName"], "rule-output", name)


def told(written: Mapping[str, Any], rule: str, step: int | None) -> tuple[str, str, float]:
    """Status, details and time of what an evaluation wrote into its `rule_status.json`.

    Args:
        step: of the first finding; AWS tells it in a sentence of its own.

    Raises:
        ValueError, KeyError, TypeError: it is not of that shape.
    """
    status, details = str(written["RuleEvaluationStatus"]), str(written["StatusDetails"] or "")
    if status == ISSUES and step is not None:
        details = (
            f"RuleEvaluationConditionMet: Evaluation of the rule {rule} at step {step} resulted in "
            f"the condition being met. {details}"
        )
    return status, details, datetime.fromisoformat(written["LastModifiedTime"]).timestamp()


def _first_status(job: Document, configuration: Mapping[str, Any], now_s: float) -> Document:
    name = configuration["RuleConfigurationName"]
    status = {
        "RuleConfigurationName": name,
        "RuleEvaluationJobArn": arn(job, name),
        "RuleEvaluationStatus": RUNS,
        "LastModifiedTime": now_s,
    }
    if not configuration.get("RuleParameters", {}).get(RULE_TO_INVOKE):
        status |= {"RuleEvaluationStatus": ERROR, "StatusDetails": _NO_RULE}
    return status


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower())[:_PART_CHARACTERS].strip("-")
