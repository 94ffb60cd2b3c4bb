"""The last words of a launcher: what it made, what that costs, and what undoes it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Made:
    """Something that is there now: `where` is its ARN or S3 address, `page` that of the console."""

    what: str
    name: str
    where: str = ""
    page: str | None = None


def lines(made: Sequence[Made], cost: str = "", undo: Sequence[str] = ()) -> list[str]:
    """For people: a line for each thing, then the cost, then the commands that undo it."""
    width = max([len(one.what) for one in made] + [len("undo")])
    told: list[str] = []
    for one in made:
        told.append(f"{one.what:<{width}}  {one.name}")
        told += [f"{'':<{width}}  {text}" for text in (one.where, one.page) if text]
    if cost:
        told.append(f"{'cost':<{width}}  {cost}")
    told += [f"{'undo':<{width}}  {command}" for command in undo]
    return told


def requests(sent: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Operations and their requests as JSON: one object, or a list where there are several."""
    content = [{"Operation": operation, "Request": request} for operation, request in sent]
    return json.dumps(content[0] if len(content) == 1 else content, indent=2, default=str)
