"""CloudFormation stacks: made or brought up to date, removed, looked at; each until it is done."""

import time
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from botocore.exceptions import ClientError

from imageclf.errors import LaunchError
from scripts.aws import Aws

Stack = Mapping[str, Any]

PATIENCE_S = 600.0
_GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_UNUSABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
"""A stack in such a state can only be deleted."""


def find(aws: Aws, name: str) -> Stack | None:
    """The stack as DescribeStacks has it; None when there is none."""
    try:
        found = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return next((one for one in found if one["StackStatus"] != "DELETE_COMPLETE"), None)


def put(aws: Aws, create: Mapping[str, Any], update: Mapping[str, Any]) -> Stack:
    """Make the stack, or bring it up to date, and wait.

    Raises:
        LaunchError: AWS could not make one of its resources.
    """
    client, name = aws.client("cloudformation"), create["StackName"]
    before = find(aws, name)
    if before is not None and before["StackStatus"] in _UNUSABLE:
        remove(aws, name)
        before = None
    if before is None:
        identity = client.create_stack(**create)["StackId"]
    elif _update(client, update):
        identity = before["StackId"]
    else:
        return before
    made = _settled(aws, name)
    if made is None or made["StackStatus"] not in _GOOD:
        raise LaunchError(f"The stack {name} was not made: {_fault(client, identity)}.")
    return made


def remove(aws: Aws, name: str) -> None:
    """Delete the stack and wait until it is gone.

    Raises:
        LaunchError: AWS keeps one of its resources.
    """
    client = aws.client("cloudformation")
    client.delete_stack(StackName=name)
    left = _settled(aws, name)
    if left is not None:
        fault = _fault(client, left["StackId"])
        raise LaunchError(f"The stack {name} is still there: {fault}.")


def resources(aws: Aws, name: str) -> list[str]:
    """The names, in the template, of what the stack consists of."""
    found = aws.client("cloudformation").describe_stack_resources(StackName=name)
    # A local endpoint does not name what it passes over.
    return [
        one["LogicalResourceId"] for one in found["StackResources"] if "LogicalResourceId" in one
    ]


def _update(client: Any, update: Mapping[str, Any]) -> bool:
    """Whether there is anything to bring up to date."""
    try:
        client.update_stack(**update)
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return False
        raise
    return True


def _settled(aws: Aws, name: str) -> Stack | None:
    """The stack once nothing changes any more; None when it is gone."""
    until_s = time.monotonic() + PATIENCE_S
    while (stack := find(aws, name)) is not None:
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        if time.monotonic() > until_s:
            raise LaunchError(
                f"The stack {name} is still {stack['StackStatus']} after {PATIENCE_S:.0f} s; look "
                "at it in the console of CloudFormation."
            )
        time.sleep(aws.poll_s)
    return None


def _fault(client: Any, identity: str) -> str:
    """The first reason in what has happened to the stack since it was last begun with.

    A stack that is gone is found by its identity, no longer by its name.
    """
    events = client.describe_stack_events(StackName=identity)["StackEvents"]  # the newest first
    recent = takewhile(lambda event: not _is_beginning(event), events)
    failures = [event for event in recent if event["ResourceStatus"].endswith("_FAILED")]
    if not failures:
        return "no reason given"
    reason = str(failures[-1].get("ResourceStatusReason", "no reason given")).rstrip(".")
    return f"{failures[-1]['LogicalResourceId']}: {reason}"


def _is_beginning(event: Mapping[str, Any]) -> bool:
    is_stack = event.get("PhysicalResourceId") == event["StackId"]
    return is_stack and event["ResourceStatus"] in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}
