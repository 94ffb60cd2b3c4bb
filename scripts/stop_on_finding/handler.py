"""A Lambda function that stops a training job in which a rule of the debugger found an issue.

It is given EventBridge's `SageMaker Training Job State Change`, of SageMaker or of the image, as
often as they send it: a job that ends already is left alone. RULES in the environment names the
rules that count, with commas between them; empty means all.
"""

import json
import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

RUNNING = "InProgress"


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Stop the job of the event if a rule asks for it; what was done, which is logged as JSON."""
    detail = event["detail"]
    rules = findings(detail, os.environ.get("RULES", ""))
    job = detail["TrainingJobName"]
    outcome = stop(job) if rules and detail.get("TrainingJobStatus") == RUNNING else "left alone"
    answer = {"job": job, "rules": rules, "outcome": outcome, "source": event.get("source")}
    print(json.dumps(answer))
    return answer


def findings(detail: dict[str, Any], wanted: str) -> list[str]:
    """Names of the rules that found an issue, and count."""
    names = {name.strip() for name in wanted.split(",") if name.strip()}
    return [
        one["RuleConfigurationName"]
        for one in detail.get("DebugRuleEvaluationStatuses") or []
        if one.get("RuleEvaluationStatus") == "IssuesFound"
        and (not names or one["RuleConfigurationName"] in names)
    ]


def stop(job: str) -> str:
    """Stop it; SageMaker refuses that for one that is stopping or over, which is no fault."""
    sagemaker = boto3.client("sagemaker")
    try:
        sagemaker.stop_training_job(TrainingJobName=job)
    except ClientError:
        if sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"] == RUNNING:
            raise
        return "was stopped already"
    return "stopped"
