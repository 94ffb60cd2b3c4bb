"""What smdebug's hooks noted of a training: `framework/pevents/HOUR/END_NODE_pythontimeline.json`.

A list of Chrome's trace events: those of the kind M name the phase that a `pid` stands for and the
time that others count from, X are whole events, B and E their beginnings and ends.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from imageclf.profiler.managed import reading

FOLDER = "framework/pevents"
SUFFIX = "_pythontimeline.json"

_START = "start_time_since_epoch_in_micros"
_LATEST_US = 1e17


class Event(NamedTuple):
    """Something that took its time; `at_us` is Unix time in microseconds."""

    name: str
    phase: str
    at_us: int
    took_us: int
    facts: Mapping[str, Any]

    @property
    def end_us(self) -> int:
        return self.at_us + self.took_us


def read(folder: Path) -> tuple[dict[str, list[Event]], int]:
    """The events of each node (`RANK-HOST` or `PID-HOST`) in order, and how many were left out."""
    found: dict[str, list[Event]] = {}
    left_out = 0
    for path in sorted((folder / FOLDER).rglob(f"*{SUFFIX}")):
        parts = path.name.split("_")
        if len(parts) < 3 or not reading.is_node(parts[1]):
            left_out += 1
            continue
        events, lost = read_file(path)
        left_out += lost
        found.setdefault(parts[1], []).extend(events)
    return {node: sorted(events, key=lambda one: one.at_us) for node, events in found.items()}, (
        left_out
    )


def read_file(path: Path) -> tuple[list[Event], int]:
    """The events of one file, and how many could not be read."""
    reader = _Reader()
    events: list[Event] = []
    left_out = 0
    for line in reading.array(path):
        try:
            events += reader.take(line or {})
        except (ValueError, TypeError, KeyError, AttributeError):
            left_out += 1
    return events, left_out


class _Reader:
    """Puts phases and times to the events of one file."""

    def __init__(self) -> None:
        self._start_us = 0
        self._phases: dict[int, str] = {}
        self._open: dict[int, list[Mapping[str, Any]]] = {}

    def take(self, line: Mapping[str, Any]) -> Iterator[Event]:
        """The events that are whole with this line."""
        kind = line["ph"]
        if kind == "M":
            self._learn(line)
        elif kind == "X":
            yield self._event(line, line["ts"], line["dur"])
        elif kind == "B":
            self._open.setdefault(int(line["pid"]), []).append(line)
        elif kind == "E" and (begun := self._open.get(int(line["pid"]))):
            first = begun.pop()
            took_us = reading.number(line["ts"]) - reading.number(first["ts"])
            yield self._event(first, first["ts"], took_us)

    def _learn(self, line: Mapping[str, Any]) -> None:
        facts = line.get("args") or {}
        if _START in facts:
            self._start_us = int(reading.number(facts[_START]))
        if line.get("name") == "process_name" and "name" in facts:
            self._phases[int(line["pid"])] = str(facts["name"])

    def _event(self, line: Mapping[str, Any], at: object, took: object) -> Event:
        at_us, took_us = int(reading.number(at)) + self._start_us, int(reading.number(took))
        if took_us < 0 or not 0 < at_us < _LATEST_US:
            raise ValueError(line)
        facts = line.get("args") or {}
        phase = self._phases.get(int(line["pid"]), "Unknown")
        return Event(str(line["name"]), phase, at_us, took_us, dict(facts))
