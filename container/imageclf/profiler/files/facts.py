"""Reads the small files of a profile: facts about processes, and spans. They may be damaged."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from imageclf.profiler.files import safely

_MOST_BYTES = 1 << 24
_LONGEST_NAME = 100
_LARGEST_NS = 1 << 62

ContentT = TypeVar("ContentT")


@dataclass(frozen=True)
class SpanLine:
    """A span as its process wrote it, by the monotonic clock of its machine."""

    name: str
    at_ns: int
    took_s: float


@dataclass(frozen=True)
class SpanLines:
    """The spans of one process; `damaged` counts lines that could not be read."""

    spans: tuple[SpanLine, ...] = ()
    damaged: int = 0


class Cache(Generic[ContentT]):
    """What `read` made of each file, as long as the file does not change."""

    def __init__(self, read: Callable[[Path], ContentT]) -> None:
        self._read = read
        self._known: dict[Path, tuple[tuple[int, ...], ContentT]] = {}

    def of(self, path: Path) -> ContentT:
        """The content of `path`."""
        mark = _mark(path)
        known = self._known.get(path)
        if known is None or known[0] != mark or not mark:
            known = (mark, self._read(path))
            self._known[path] = known
        return known[1]


def _mark(path: Path) -> tuple[int, ...]:
    """Changes with the file; empty when it is not there."""
    try:
        about = path.lstat()
    except OSError:
        return ()
    return (about.st_ino, about.st_size, about.st_mtime_ns)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file of JSON; empty when there is none that can be read."""
    try:
        content = json.loads(safely.read(path, _MOST_BYTES) or b"")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def read_spans(path: Path) -> SpanLines:
    """The spans in a file with a line of JSON for each; the last may still be in the making."""
    whole, _, _ = (safely.read(path, _MOST_BYTES) or b"").rpartition(b"\n")
    lines = [line for line in whole.split(b"\n") if line.strip()]
    found = [span for span in map(_span, lines) if span is not None]
    return SpanLines(tuple(found), len(lines) - len(found))


def _span(line: bytes) -> SpanLine | None:
    try:
        content = json.loads(line)
        name, at_ns, took_s = content["name"], content["at_ns"], float(content["took_s"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    is_named = isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME
    is_placed = isinstance(at_ns, int) and 0 <= at_ns < _LARGEST_NS
    if not is_named or not is_placed or not math.isfinite(took_s) or took_s < 0:
        return None
    return SpanLine(name, at_ns, took_s)
