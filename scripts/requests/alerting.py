"""What is sent to CloudFormation for alerts: the stack of `scripts/stop_on_finding`."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.requests.hosting import tag_list

Request = dict[str, Any]

_FOLDER = Path(__file__).parents[1] / "stop_on_finding"
_PLACE_OF_HANDLER = "{{handler.py}}"


@dataclass(frozen=True)
class Alerts:
    """The stack as it shall be.

    Attributes:
        email: who is told; empty for nobody.
        rules: names of the rules that count; empty for all.
        stop: whether a job with a finding is stopped.
        job_role: name of the role of training jobs.
    """

    stack: str
    job_role: str
    email: str = ""
    rules: Sequence[str] = ()
    stop: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


def template() -> str:
    """The template, with the source of the function in it."""
    text = (_FOLDER / "template.yaml").read_text(encoding="utf-8")
    source = (_FOLDER / "handler.py").read_text(encoding="utf-8")
    before, _, after = text.partition(_PLACE_OF_HANDLER)
    margin = before.rpartition("\n")[2]
    return before.removesuffix(margin) + textwrap.indent(source.rstrip("\n"), margin) + after


def create_stack(wanted: Alerts) -> Request:
    """CreateStack; a stack that cannot be made leaves nothing behind."""
    return {**update_stack(wanted), "OnFailure": "DELETE"}


def update_stack(wanted: Alerts) -> Request:
    """UpdateStack."""
    values = {
        "Email": wanted.email,
        "Rules": ",".join(wanted.rules),
        "Stop": "true" if wanted.stop else "false",
        "JobRole": wanted.job_role,
    }
    return {
        "StackName": wanted.stack,
        "TemplateBody": template(),
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
        ],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": tag_list(wanted.tags),
    }


def delete_stack(stack: str) -> Request:
    """DeleteStack."""
    return {"StackName": stack}
