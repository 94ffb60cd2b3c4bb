"""What CloudFormation answers when a stack cannot be made; it is not asked."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.stub import Stubber

from imageclf.errors import LaunchError
from scripts import aws as accounts
from scripts import stacks
from scripts.aws import Aws
from scripts.sections import Settings

ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/mine/1"
CREATE = {"StackName": "mine", "TemplateBody": "{}"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Without the SDK, which takes seconds to import."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(accounts, "AWS_POLL_S", 0.0)
    return Aws(Settings(region="us-east-1"), {})


@pytest.fixture
def stub(aws: Aws) -> Iterator[Stubber]:
    with Stubber(aws.client("cloudformation")) as stubbed:
        yield stubbed
        stubbed.assert_no_pending_responses()


def is_there(stub: Stubber, status: str) -> None:
    stack = {"StackName": "mine", "StackId": ID, "StackStatus": status}
    told = {"Stacks": [stack | {"CreationTime": datetime.now(UTC)}]}
    stub.add_response("describe_stacks", told, {"StackName": "mine"})


def is_gone(stub: Stubber) -> None:
    stub.add_client_error("describe_stacks", "ValidationError", "Stack mine does not exist")


def happened(stub: Stubber, *events: tuple[str, str, str]) -> None:
    """Logical name, status and reason, the oldest first."""
    told: list[dict[str, Any]] = [
        {
            "StackId": ID,
            "EventId": str(number),
            "StackName": "mine",
            "LogicalResourceId": name,
            "PhysicalResourceId": ID if name == "mine" else name,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": datetime.now(UTC),
        }
        for number, (name, status, reason) in enumerate(events)
    ]
    stub.add_response("describe_stack_events", {"StackEvents": told[::-1]}, {"StackName": ID})


def test_a_stack_that_cannot_be_made_is_told_with_the_first_reason(aws: Aws, stub: Stubber) -> None:
    is_gone(stub)
    stub.add_response("create_stack", {"StackId": ID}, CREATE)
    is_there(stub, "CREATE_IN_PROGRESS")
    is_gone(stub)
    happened(
        stub,
        ("mine", "CREATE_IN_PROGRESS", "User Initiated"),
        ("Topic", "CREATE_FAILED", "You may not make topics."),
        ("Findings", "CREATE_FAILED", "Resource creation cancelled"),
        ("mine", "DELETE_IN_PROGRESS", "Delete requested"),
        ("mine", "DELETE_COMPLETE", ""),
    )
    with pytest.raises(LaunchError) as caught:
        stacks.put(aws, CREATE, CREATE)
    assert str(caught.value) == "The stack mine was not made: Topic: You may not make topics."


def test_a_change_that_fails_is_told_with_its_own_reason_not_with_an_earlier_one(
    aws: Aws, stub: Stubber
) -> None:
    is_there(stub, "UPDATE_ROLLBACK_COMPLETE")
    stub.add_response("update_stack", {"StackId": ID}, CREATE)
    is_there(stub, "UPDATE_ROLLBACK_COMPLETE")
    happened(
        stub,
        ("mine", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Topic", "UPDATE_FAILED", "An earlier fault"),
        ("mine", "UPDATE_ROLLBACK_COMPLETE", ""),
        ("mine", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("JobPolicy", "CREATE_FAILED", "There is no role"),
        ("mine", "UPDATE_ROLLBACK_COMPLETE", ""),
    )
    with pytest.raises(LaunchError, match="JobPolicy: There is no role"):
        stacks.put(aws, CREATE, CREATE)


def test_what_is_up_to_date_stays_as_it_is(aws: Aws, stub: Stubber) -> None:
    is_there(stub, "CREATE_COMPLETE")
    told = "No updates are to be performed."
    stub.add_client_error("update_stack", "ValidationError", told)
    assert stacks.put(aws, CREATE, CREATE)["StackStatus"] == "CREATE_COMPLETE"


def test_the_ruins_of_a_stack_are_removed_before_it_is_made_anew(aws: Aws, stub: Stubber) -> None:
    is_there(stub, "ROLLBACK_COMPLETE")
    stub.add_response("delete_stack", {}, {"StackName": "mine"})
    is_there(stub, "DELETE_IN_PROGRESS")
    is_gone(stub)
    stub.add_response("create_stack", {"StackId": ID}, CREATE)
    is_there(stub, "CREATE_COMPLETE")
    assert stacks.put(aws, CREATE, CREATE)["StackId"] == ID
