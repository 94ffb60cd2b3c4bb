"""Reads single files of the managed service, which may be cut off, damaged or not its own."""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MOST_BYTES = 1 << 28
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")


def lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """The objects of a file with one in each line, None for each line that is none."""
    for line in _content(path).splitlines():
        text = line.strip().rstrip(b",")
        if text not in {b"", b"[", b"]"}:
            yield _object(text)


def array(path: Path) -> Iterator[dict[str, Any] | None]:
    """The objects of a JSON list; of one that is cut off, those that stand in lines of their own.

    smdebug ends a file that it fills with a bracket only when it closes it.
    """
    try:
        content = json.loads(_content(path))
    except (ValueError, RecursionError):
        yield from lines(path)
        return
    for each in content if isinstance(content, list) else [None]:
        yield each if isinstance(each, dict) else None


def number(value: object) -> float:
    """A finite number.

    Raises:
        ValueError, TypeError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(value)
    return found


def is_node(name: object) -> bool:
    """Whether this can be the name of a machine, and of a file."""
    return isinstance(name, str) and _NODE.fullmatch(name) is not None


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
