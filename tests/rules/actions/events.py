"""Events for the tests of actions."""

from pathlib import Path
from typing import Any

from imageclf.rules.actions.base import Event, Job
from imageclf.rules.finding import Finding

ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/insects-7"
JOB = Job("insects-7", ARN, "us-east-1")


def finding(**more: Any) -> Finding:
    told: dict[str, Any] = {
        "rule": "Overfit",
        "step": 120,
        "mode": "EVAL",
        "mode_step": 4,
        "tensor": "CrossEntropyLoss_output_0",
        "value": 0.31,
        "threshold": 0.1,
        "found": "The validation loss lies 31 % above the training loss at step 120.",
        "meaning": "The network learns its training pictures by heart.",
        "advice": "Stop earlier, or augment more.",
    }
    return Finding(**told | more)


def event(stop_file: Path | None = None, job: Job = JOB, **more: Any) -> Event:
    statuses = [
        status("Overfit", "IssuesFound", StatusDetails="31 % above"),
        status("DeadRelu", "InProgress"),
    ]
    return Event("Overfit", finding(**more), statuses, stop_file, job)


def status(name: str, word: str, **more: str) -> dict[str, str]:
    return {
        "RuleConfigurationName": name,
        "RuleEvaluationJobArn": "",
        "RuleEvaluationStatus": word,
        "StatusDetails": "",
        "LastModifiedTime": "2026-11-21T12:00:00+00:00",
    } | more
