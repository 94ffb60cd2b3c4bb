"""`alerts.sh`: has people told of what the debugger's rules find, and such jobs stopped.

A topic, a rule of EventBridge and, with --stop, a function: one CloudFormation stack, so that
`down` removes all of it. Training jobs send their findings with the action `emit`.
"""

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence

from imageclf.errors import SettingsError
from scripts import cli, naming, receipt, stacks, table
from scripts.cli import Call
from scripts.receipt import Made
from scripts.requests import alerting
from scripts.requests.alerting import Alerts
from scripts.stacks import Stack

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_RULE = re.compile(r"[A-Za-z0-9_-]{1,256}")
_COST = "by the event and the message: nothing while no rule finds an issue"


def main(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """One call; its exit code."""
    return cli.run(_parser(), _alerts, arguments, environment)


def _parser() -> argparse.ArgumentParser:
    made = cli.parser("alerts", "Have people told of findings in training jobs, or jobs stopped.")
    add = made.add_argument
    add(
        "what", choices=["up", "down", "status"], help="make it or change it, remove it, look at it"
    )
    add("--email", default="", help="who is told; AWS asks this address to confirm")
    add("--rules", default="", help="names of rules that count, with commas; all by itself")
    add("--stop", action="store_true", help="stop a job in which a rule finds an issue")
    cli.setting(made, "--role", "role", "the role of the training jobs")
    return made


def plan(call: Call) -> Alerts:
    """The stack as it shall be.

    Raises:
        SettingsError: the address or a name is none.
    """
    options = call.options
    if options.email and not _EMAIL.fullmatch(options.email):
        raise SettingsError(
            f"--email is {options.email!r}; give an address such as ann@example.org."
        )
    rules = [name.strip() for name in options.rules.split(",") if name.strip()]
    for name in rules:
        if not _RULE.fullmatch(name):
            raise SettingsError(f"--rules has {name!r}; give names such as Overfit,DeadRelu.")
    return Alerts(
        stack=_stack(call),
        job_role=call.settings.role.rpartition("/")[2],
        email=options.email,
        rules=rules,
        stop=options.stop,
        tags=naming.tag_values(call.settings),
    )


def _stack(call: Call) -> str:
    return f"{call.settings.project}-alerts"


def _alerts(call: Call) -> int:
    return {"up": _up, "down": _down, "status": _status}[call.options.what](call)


def _up(call: Call) -> int:
    wanted = plan(call)
    if call.dry:
        print(receipt.requests([("CreateStack", alerting.create_stack(wanted))]))
        return 0
    _check_role(call)
    stack = stacks.put(call.aws, alerting.create_stack(wanted), alerting.update_stack(wanted))
    made = [Made("stack", wanted.stack), *(Made(*one) for one in _outputs(stack).items())]
    print("\n".join(receipt.lines(made, call.charged(_COST), ["scripts/alerts.sh down"])))
    if wanted.email:
        print(f"next    confirm the subscription that AWS sends to {wanted.email}")
    print("use     scripts/train.sh debug=standard debug-actions=emit")
    return 0


def _check_role(call: Call) -> None:
    """Raises LaunchError, which says how to make it, when the role is not there."""
    _ = call.aws.role


def _down(call: Call) -> int:
    name = _stack(call)
    if call.dry:
        print(receipt.requests([("DeleteStack", alerting.delete_stack(name))]))
        return 0
    if stacks.find(call.aws, name) is None:
        print(f"There is no stack {name}; nothing was removed.")
        return 0
    gone = stacks.resources(call.aws, name)
    stacks.remove(call.aws, name)
    print(f"deleted  stack {name} ({', '.join(gone)})")
    return 0


def _status(call: Call) -> int:
    name = _stack(call)
    if call.dry:
        print(receipt.requests([("DescribeStacks", {"StackName": name})]))
        return 0
    stack = stacks.find(call.aws, name)
    if stack is None:
        print(f"There is no stack {name}; make it with scripts/alerts.sh up.")
        return 0
    rows = [["what", "name", "status"], ["stack", name, stack["StackStatus"]]]
    rows += [[word, value, ""] for word, value in _outputs(stack).items()]
    rows += [["told", *one] for one in _told(call, _outputs(stack)["topic"])]
    given = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
    rows += [["rules", given["Rules"] or "all", "stop" if given["Stop"] == "true" else "tell only"]]
    print("\n".join(table.columns(rows)))
    return 0


def _told(call: Call, topic: str) -> list[list[str]]:
    """Each address of the topic, and whether it is confirmed."""
    pages = call.aws.client("sns").get_paginator("list_subscriptions_by_topic")
    return [
        [one["Endpoint"], "confirmed" if one["SubscriptionArn"].startswith("arn:") else "asked"]
        for page in pages.paginate(TopicArn=topic)
        for one in page["Subscriptions"]
    ]


def _outputs(stack: Stack) -> dict[str, str]:
    return {one["OutputKey"].lower(): one["OutputValue"] for one in stack.get("Outputs", [])}


if __name__ == "__main__":
    sys.exit(main())
