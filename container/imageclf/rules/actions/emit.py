"""`emit`: an EventBridge event shaped as SageMaker's own `SageMaker Training Job State Change`.

Its source is `imageclf`: AWS lets nobody else send as `aws.sagemaker`. A rule for both sources has
`"source": ["aws.sagemaker", "imageclf"]`; all below `detail` is read alike.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imageclf.errors import ActionError
from imageclf.rules.actions import aws
from imageclf.rules.actions.base import Action, Event

SOURCE = "imageclf"
DETAIL_TYPE = "SageMaker Training Job State Change"
_FIELDS = (
    "RuleConfigurationName",
    "RuleEvaluationJobArn",
    "RuleEvaluationStatus",
    "StatusDetails",
    "LastModifiedTime",
)


@dataclass(frozen=True)
class Emit(Action):
    """Put the event on the account's default bus."""

    def do(self, event: Event) -> str:
        if not event.job.arn:
            raise ActionError(
                "No event was sent: this is no job of SageMaker (TRAINING_JOB_ARN is not set)."
            )
        with aws.asking("No event was sent"):
            events = aws.client("events", event.job.region)
            reply = events.put_events(Entries=[entry(event, datetime.now(UTC))])
        for fault in (one for one in reply["Entries"] if "ErrorCode" in one):
            raise ActionError(
                f"No event was sent: EventBridge refused it ({fault['ErrorCode']}: "
                f"{fault.get('ErrorMessage', 'no reason given')})."
            )
        return "An event was sent to EventBridge."


def entry(event: Event, now: datetime) -> dict[str, Any]:
    """The entry of PutEvents."""
    return {
        "Time": now,
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Resources": [event.job.arn],
        "Detail": json.dumps(detail(event, now)),
    }


def detail(event: Event, now: datetime) -> dict[str, Any]:
    """The part that SageMaker's events have too; the job runs, or no rule would look at it.

    Fields that only the account knows (role, image, channels, ...) are not there.
    """
    return {
        "TrainingJobName": event.job.name,
        "TrainingJobArn": event.job.arn,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Training",
        "LastModifiedTime": str(int(now.timestamp() * 1000)),
        "DebugRuleEvaluationStatuses": list(_statuses(event, now)),
        "Tags": {},
    }


def _statuses(event: Event, now: datetime) -> Iterator[dict[str, Any]]:
    """All statuses that are known; that of the rule that fired, at least."""
    fired = {
        "RuleConfigurationName": event.rule,
        "RuleEvaluationStatus": "IssuesFound",
        "StatusDetails": event.finding.found,
        "LastModifiedTime": now.isoformat(),
    }
    others = [one for one in event.statuses if one.get("RuleConfigurationName") != event.rule]
    for status in [fired, *others]:
        yield {name: status[name] for name in _FIELDS if status.get(name)}
