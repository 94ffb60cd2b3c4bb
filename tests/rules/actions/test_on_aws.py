"""Actions that ask AWS, on a real local endpoint."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from imageclf.rules.actions.base import Job
from imageclf.rules.actions.emit import Emit, detail
from imageclf.rules.actions.notify import ToAddress, ToTopic, subject
from imageclf.rules.actions.plan import parse
from imageclf.rules.actions.stop import Stop
from tests.local_test.cloud.servers import CloudServer
from tests.rules.actions.events import ARN, event

DOCUMENTED = {
    "TrainingJobName": "89c96cc8-dded-4739-afcc-6f1dc936701d",
    "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/kmeans-1",
    "TrainingJobStatus": "Completed",
    "SecondaryStatus": "Completed",
    "LastModifiedTime": "1583831889050",
    "Tags": {},
}
"""Of the example in SageMaker's developer guide, the fields that ours have too."""


def queue(server: CloudServer, name: str) -> tuple[str, str]:
    """The address and the ARN of a new queue."""
    sqs = server.client("sqs")
    address = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=["QueueArn"])
    return address, arn["Attributes"]["QueueArn"]


def received(server: CloudServer, address: str) -> list[Any]:
    found = server.client("sqs").receive_message(QueueUrl=address, MaxNumberOfMessages=10)
    return [json.loads(one["Body"]) for one in found.get("Messages", [])]


@contextmanager
def fake_refusing_eventbridge() -> Iterator[str]:
    """A bus that takes no entry; a real one has no reason to refuse ours."""

    class Bus(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Bus) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_subscribers_of_a_topic_read_job_rule_finding_and_advice(account: CloudServer) -> None:
    sns = account.client("sns")
    arn = sns.create_topic(Name="findings")["TopicArn"]
    address, listener = queue(account, "listener")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=listener)
    assert ToTopic(arn).fire(event()) == f"A message went to the topic {arn}."
    (message,) = received(account, address)
    assert message["Subject"] == "Training job insects-7: Overfit found an issue"
    assert message["Message"].splitlines() == [
        "Training job insects-7: rule Overfit found an issue at step 120 (EVAL step 4).",
        "",
        "The validation loss lies 31 % above the training loss at step 120.",
        "The network learns its training pictures by heart.",
        "What to try: Stop earlier, or augment more.",
        "",
        ARN,
    ]


def test_a_subject_is_one_line_of_ascii_whatever_a_job_is_called() -> None:
    told = subject(event(job=Job("käfer" * 30)))
    assert told.isascii()
    assert len(told) <= 100


def test_an_address_is_subscribed_once_to_the_managed_services_topic(
    account: CloudServer,
) -> None:
    action = ToAddress("email", "ann@example.org")
    assert "was asked to subscribe to the topic SMDebugRules" in action.fire(event())
    assert "A message went to ann@example.org" in action.fire(event())
    sns = account.client("sns")
    topic = "arn:aws:sns:us-east-1:123456789012:SMDebugRules"
    (made,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    policy = sns.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])
    assert json.loads(policy["Attributes"]["FilterPolicy"]) == {"email": ["ann@example.org"]}


def test_who_has_a_rule_for_it_receives_the_event_shaped_as_the_managed_services(
    account: CloudServer,
) -> None:
    address, arn = queue(account, "bus")
    events = account.client("events")
    events.put_rule(Name="findings", EventPattern=json.dumps({"source": ["imageclf"]}))
    events.put_targets(Rule="findings", Targets=[{"Id": "queue", "Arn": arn}])
    assert "An event was sent" in Emit().fire(event())
    (got,) = received(account, address)
    assert got["source"] == "imageclf"
    assert got["detail-type"] == "SageMaker Training Job State Change"
    assert got["resources"] == [ARN]
    statuses = got["detail"]["DebugRuleEvaluationStatuses"]
    assert statuses == [
        {
            "RuleConfigurationName": "Overfit",
            "RuleEvaluationStatus": "IssuesFound",
            "StatusDetails": "The validation loss lies 31 % above the training loss at step 120.",
            "LastModifiedTime": statuses[0]["LastModifiedTime"],
        },
        {
            "RuleConfigurationName": "DeadRelu",
            "RuleEvaluationStatus": "InProgress",
            "LastModifiedTime": "2026-11-21T12:00:00+00:00",
        },
    ]


def test_an_event_that_is_refused_is_told(
    account: CloudServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_refusing_eventbridge() as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert "EventBridge refused it (InternalFailure" in Emit().fire(event())


def test_fields_of_the_event_are_those_of_the_documented_example() -> None:
    made = detail(event(), datetime(2026, 11, 21, tzinfo=UTC))
    assert made.keys() == DOCUMENTED.keys() | {"DebugRuleEvaluationStatuses"}
    assert {name: type(made[name]) for name in DOCUMENTED} == {
        name: type(value) for name, value in DOCUMENTED.items()
    }
    assert made["TrainingJobStatus"] == "InProgress"


def test_no_event_is_sent_for_what_is_no_job() -> None:
    assert "TRAINING_JOB_ARN is not set" in Emit().fire(event(job=Job()))


def test_a_job_that_is_not_there_is_one_sentence(account: CloudServer) -> None:
    said = Stop().fire(event())
    assert said.startswith("Training job insects-7 was not stopped: AWS refused")
    assert said.count(".") == 1
    none = Stop("other").fire(event())
    assert none.startswith("No training was stopped: 0 running jobs have names")


@pytest.mark.parametrize(
    "text", ["stop", "emit", "notify=arn:aws:sns:us-east-1:123456789012:a", "sms=+491701234567"]
)
def test_without_credentials_each_action_says_so(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    (action,) = parse(text)
    assert "no AWS credentials are found; give the job a role" in action.fire(event())


def test_an_endpoint_that_does_not_answer_is_one_sentence(
    account: CloudServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    said = Emit().fire(event())
    assert said.startswith("No event was sent: AWS cannot be asked (Could not connect")
