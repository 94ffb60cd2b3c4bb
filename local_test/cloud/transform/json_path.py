"""The part of JSONPath that SageMaker's batch transform understands.

`$`, `.name`, `['name', 'other']`, `[0, -1, 2:5]`, `*`. Names or numbers together pick a part of an
object or an array; one alone picks the value itself.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

_NAME = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_RANGE = r"-?\d+|-?\d*\s*:\s*(?:-?\d+)?"
_STEP = re.compile(
    rf"\s*\.?\[\s*(?P<names>(?:{_NAME})(?:\s*,\s*(?:{_NAME}))*)\s*\]"
    rf"|\s*\.?\[\s*(?P<ranges>(?:{_RANGE})(?:\s*,\s*(?:{_RANGE}))*)\s*\]"
    r"|\s*(?P<all>\.\*|\.?\[\s*\*\s*\])"
    r"|\s*\.(?P<name>[A-Za-z_][\w-]*)"
)
Step = Callable[[Any], Any]


class PathError(Exception):
    """An expression that is not understood, or that finds nothing."""


def parse(expression: str) -> Sequence[Step]:
    """The steps of an expression.

    Raises:
        PathError: it is not one, or has operators that batch transform does not know.
    """
    if not expression.startswith("$"):
        raise PathError(f"{expression!r} is not a JSONPath; begin it with $.")
    steps: list[Step] = []
    place = 1
    while place < len(expression.rstrip()):
        found = _STEP.match(expression, place)
        if found is None:
            raise PathError(
                f"{expression!r} has {expression[place:]!r}, which batch transform does not know; "
                "use .name, ['name'], [0], [1:] or *."
            )
        steps.append(_step(found))
        place = found.end()
    return steps


def select(steps: Sequence[Step], value: Any) -> Any:
    """What an expression picks from `value`.

    Raises:
        PathError: nothing is there.
    """
    for step in steps:
        value = step(value)
    return value


def _step(found: re.Match[str]) -> Step:
    if found["all"]:
        return _all
    if found["ranges"]:
        parts = [part.replace(" ", "") for part in found["ranges"].split(",")]
        return lambda value: _ranges(value, parts)
    if found["name"]:
        return lambda value: _names(value, [found["name"]])
    names = [re.sub(r"\\(.)", r"\1", text[1:-1]) for text in re.findall(_NAME, found["names"])]
    return lambda value: _names(value, names)


def _all(value: Any) -> Any:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, list):
        return value
    raise PathError(f"* finds nothing in {_short(value)}.")


def _names(value: Any, names: Sequence[str]) -> Any:
    if not isinstance(value, dict):
        raise PathError(f"{names[0]!r} finds nothing in {_short(value)}.")
    if absent := [name for name in names if name not in value]:
        raise PathError(f"{absent[0]!r} is not in {_short(value)}.")
    return value[names[0]] if len(names) == 1 else {name: value[name] for name in names}


def _ranges(value: Any, parts: Sequence[str]) -> Any:
    if not isinstance(value, list):
        raise PathError(f"[{parts[0]}] finds nothing in {_short(value)}.")
    if len(parts) == 1 and ":" not in parts[0]:
        return _element(value, int(parts[0]))
    chosen: list[Any] = []
    for part in parts:
        start, colon, end = part.partition(":")
        if colon:
            chosen += value[int(start) if start else None : int(end) if end else None]
        else:
            chosen.append(_element(value, int(part)))
    return chosen


def _element(value: list[Any], index: int) -> Any:
    try:
        return value[index]
    except IndexError as error:
        raise PathError(f"[{index}] is beyond the {len(value)} elements.") from error


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
