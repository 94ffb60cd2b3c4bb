"""Rules of the debugger and of the profiler as a job's document has them: statuses, addresses.

Each rule is a job of its own, as on AWS; `evaluation` runs them.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from imageclf.rules import files
from imageclf.rules.files import Files
from local_test.cloud.errors import validation
from local_test.cloud.objects import uri
from local_test.cloud.operations import Document

RULE_TO_INVOKE = "rule_to_invoke"
SOURCE = "source_s3_uri"

RUNS, ISSUES, ERROR, STOPPED = "InProgress", "IssuesFound", "Error", "Stopped"

TOO_EARLY = "The training job ended before the rule was done."

_REPORT = "profilerreport"

_DETAILS_CHARACTERS = 1024
_PART_CHARACTERS = 26
"""Of the job's name and of the rule's, in the name of the rule's job."""

_NO_RULE = (
    "The local endpoint does not run images of rules: give a built-in rule by its rule_to_invoke, "
    "or a source file with it."
)
_NO_OWN = (
    "The local endpoint runs rules of your own on tensors only: give a built-in rule by its "
    "rule_to_invoke."
)


@dataclass(frozen=True)
class Kind:
    """Rules of one kind.

    Args:
        configurations, statuses: the parts of a job's document.
        files: what the process that evaluates such a rule writes.
        folder: where its output lies, below that of the rule.
        own: whether a rule may be a file of the user's.
    """

    configurations: str
    statuses: str
    files: Files
    folder: str
    own: bool


DEBUGGER = Kind(
    "DebugRuleConfigurations", "DebugRuleEvaluationStatuses", files.DEBUGGER, folder="", own=True
)
PROFILER = Kind(
    "ProfilerRuleConfigurations",
    "ProfilerRuleEvaluationStatuses",
    files.PROFILER,
    folder="profiler-output",
    own=False,
)
KINDS = (DEBUGGER, PROFILER)


def check(arguments: Mapping[str, Any]) -> None:
    """Look through the rules in the arguments of CreateTrainingJob.

    Raises:
        ApiError: two have one name, or an address is none.
    """
    for kind in KINDS:
        _check(arguments.get(kind.configurations, ()))


def _check(given: Sequence[Mapping[str, Any]]) -> None:
    names = [one["RuleConfigurationName"] for one in given]
    if len(set(names)) < len(names):
        raise validation("Each RuleConfigurationName must be unique within a training job.")
    for one in given:
        for address in (one.get("S3OutputPath"), one.get("RuleParameters", {}).get(SOURCE)):
            if address:
                uri.split(address)


def begin(job: Document, now_s: float) -> None:
    """Give a new job the statuses of its rules."""
    for kind in KINDS:
        if configurations := job.get(kind.configurations):
            job[kind.statuses] = [_first_status(job, kind, one, now_s) for one in configurations]


def add(job: Document, given: Sequence[Mapping[str, Any]], now_s: float) -> None:
    """Give a running job more rules of the profiler.

    Raises:
        ApiError: two have one name then, or an address is none.
    """
    kind = PROFILER
    configurations = [*job.get(kind.configurations, ()), *given]
    _check(configurations)
    job[kind.configurations] = configurations
    more = [_first_status(job, kind, one, now_s) for one in given]
    job[kind.statuses] = [*job.get(kind.statuses, ()), *more]


def change(job: Document, kind: Kind, name: str, *, status: str, details: str, at_s: float) -> None:
    """Set the status of the rule `name`."""
    for one in job.get(kind.statuses, ()):
        if one["RuleConfigurationName"] == name:
            one["RuleEvaluationStatus"] = status
            one["LastModifiedTime"] = at_s
            one.pop("StatusDetails", None)
            if details:
                one["StatusDetails"] = " ".join(details.split())[:_DETAILS_CHARACTERS]


def end(job: Document, now_s: float) -> None:
    """The job is over: no rule is evaluated any more."""
    for kind in KINDS:
        for one in job.get(kind.statuses, ()):
            if one["RuleEvaluationStatus"] == RUNS:
                name = one["RuleConfigurationName"]
                change(job, kind, name, status=STOPPED, details=TOO_EARLY, at_s=now_s)


def to_evaluate(job: Mapping[str, Any]) -> Iterator[tuple[Kind, Mapping[str, Any]]]:
    """The configurations of the rules whose status is not yet the last one."""
    for kind in KINDS:
        running = {
            one["RuleConfigurationName"]
            for one in job.get(kind.statuses, ())
            if one["RuleEvaluationStatus"] == RUNS
        }
        for one in job.get(kind.configurations, ()):
            if one["RuleConfigurationName"] in running:
                yield kind, one


def makes_page(configuration: Mapping[str, Any]) -> bool:
    """Whether a rule of the profiler makes the report for people."""
    invoked = configuration["RuleParameters"][RULE_TO_INVOKE]
    return re.sub("[^a-z]", "", invoked.lower()) == _REPORT


def job_name(job: Mapping[str, Any], rule: str) -> str:
    """The name of the job of a rule, cut and marked as AWS does it, in small letters."""
    mark = hashlib.sha256(f"{job['TrainingJobArn']}/{rule}".encode()).hexdigest()[:8]
    parts = [_plain(job["TrainingJobName"]), _plain(rule), mark]
    return "-".join(part for part in parts if part)


def arn(job: Mapping[str, Any], rule: str) -> str:
    """The RuleEvaluationJobArn of a rule."""
    place = job["TrainingJobArn"].rpartition(":")[0]
    return f"{place}:processing-job/{job_name(job, rule)}"


def output(job: Mapping[str, Any], kind: Kind, configuration: Mapping[str, Any]) -> str:
    """Where in S3 a rule's output lies."""
    base = configuration.get("S3OutputPath") or job["OutputDataConfig"]["S3OutputPath"]
    name = configuration["RuleConfigurationName"]
    return uri.join(base, job["TrainingJobName"], "rule-output", name, kind.folder)


def told(written: Mapping[str, Any], rule: str, step: int | None) -> tuple[str, str, float]:
    """Status, details and time of what an evaluation wrote into its file of statuses.

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


def _first_status(
    job: Document, kind: Kind, configuration: Mapping[str, Any], now_s: float
) -> Document:
    name = configuration["RuleConfigurationName"]
    status = {
        "RuleConfigurationName": name,
        "RuleEvaluationJobArn": arn(job, name),
        "RuleEvaluationStatus": RUNS,
        "LastModifiedTime": now_s,
    }
    parameters = configuration.get("RuleParameters", {})
    if not parameters.get(RULE_TO_INVOKE):
        status |= {"RuleEvaluationStatus": ERROR, "StatusDetails": _NO_RULE}
    elif SOURCE in parameters and not kind.own:
        status |= {"RuleEvaluationStatus": ERROR, "StatusDetails": _NO_OWN}
    return status


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]+", "-", name.lower())[:_PART_CHARACTERS].strip("-")
