"""`notify`, `email` and `sms`: a message through SNS.

E-mail and SMS go as SageMaker's own action sends them: through the topic SMDebugRules, which is
made when it is missing, with a subscription that lets only this address's messages through.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from imageclf.rules.actions import aws
from imageclf.rules.actions.base import Action, Event, region_of

MANAGED_TOPIC = "SMDebugRules"
_SUBJECT_CHARACTERS = 100
_FILTERS = {"email": "email", "sms": "phone_num"}
"""The attribute by which a subscription knows its messages; SageMaker's names."""


def subject(event: Event) -> str:
    """One line of ASCII, as SNS wants it."""
    told = f"{event.job.called}: {event.rule} found an issue"
    return told.encode("ascii", "replace").decode()[:_SUBJECT_CHARACTERS]


def body(event: Event) -> str:
    """What happened, what it means, what to try, and which job that is."""
    finding = event.finding
    lines = [
        f"{event.job.called}: rule {event.rule} found an issue at step {finding.step} "
        f"({finding.mode} step {finding.mode_step}).",
        "",
        finding.found,
        finding.meaning,
        f"What to try: {finding.advice}",
    ]
    return "\n".join([*lines, "", event.job.arn] if event.job.arn else lines)


@dataclass(frozen=True)
class ToTopic(Action):
    """A message to a topic that is there."""

    arn: str

    def do(self, event: Event) -> str:
        with aws.asking(f"No message went to {self.arn}"):
            sns = aws.client("sns", region_of(self.arn))
            sns.publish(**publish(self.arn, event))
        return f"A message went to the topic {self.arn}."


@dataclass(frozen=True)
class ToAddress(Action):
    """An e-mail or an SMS, to whoever has confirmed the subscription."""

    protocol: Literal["email", "sms"]
    address: str

    def do(self, event: Event) -> str:
        with aws.asking(f"No message went to {self.address}"):
            sns = aws.client("sns", event.job.region)
            arn = sns.create_topic(Name=MANAGED_TOPIC)["TopicArn"]
            is_new = not self._is_subscribed(sns, arn)
            if is_new:
                sns.subscribe(**self._subscribe(arn))
            attribute = {"DataType": "String", "StringValue": self.address}
            sns.publish(
                **publish(arn, event), MessageAttributes={_FILTERS[self.protocol]: attribute}
            )
        if is_new and self.protocol == "email":
            return (
                f"{self.address} was asked to subscribe to the topic {MANAGED_TOPIC}; messages "
                "reach it once that is confirmed."
            )
        return f"A message went to {self.address} through the topic {MANAGED_TOPIC}."

    def _is_subscribed(self, sns: Any, topic: str) -> bool:
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        wanted = (self.protocol, self.address)
        return any(
            (one["Protocol"], one["Endpoint"]) == wanted
            for page in pages
            for one in page["Subscriptions"]
        )

    def _subscribe(self, topic: str) -> dict[str, Any]:
        policy = {_FILTERS[self.protocol]: [self.address]}
        return {
            "TopicArn": topic,
            "Protocol": self.protocol,
            "Endpoint": self.address,
            "Attributes": {"FilterPolicy": json.dumps(policy)},
        }


def publish(topic: str, event: Event) -> dict[str, str]:
    """The arguments of Publish; a FIFO topic takes one message of a rule for each job."""
    arguments = {"TopicArn": topic, "Subject": subject(event), "Message": body(event)}
    if topic.endswith(".fifo"):
        group = event.job.name or "training"
        arguments |= {
            "MessageGroupId": group,
            "MessageDeduplicationId": f"{group}-{event.rule}"[:128],
        }
    return arguments
