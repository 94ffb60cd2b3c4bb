"""The events of one trace in columns: operators, calls of the driver, work of the GPU, memory.

Keeps what Kineto writes of a training: categories and arguments as in libkineto's
output_json.cpp. Times are whole nanoseconds since the trace's own base.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler.traces.scanning import Scan

Whole = npt.NDArray[np.int64]

STEP_PREFIX = "ProfilerStep#"

OPERATOR, CALL, KERNEL, COPY, SET = "operator", "call", "kernel", "copy", "set"
_KINDS = {
    "cpu_op": OPERATOR,
    "user_annotation": OPERATOR,
    "cuda_runtime": CALL,
    "cuda_driver": CALL,
    "kernel": KERNEL,
    "gpu_memcpy": COPY,
    "gpu_memset": SET,
}
_MEMORY = "[memory]"

_MOST_EVENTS = 2_000_000
_MOST_NAMES = 50_000
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Slices:
    """Things that took time, one in each place of each array [N].

    Args:
        name: index into the names of the trace.
        track: index into its tracks: a thread, or a stream of a GPU.
        correlation: joins a call with the work of the GPU that it asked for; -1 for none.
        size_bytes: of copies.
    """

    name: Whole
    begin_ns: Whole
    took_ns: Whole
    track: Whole
    correlation: Whole
    size_bytes: Whole

    def __len__(self) -> int:
        return len(self.name)

    @property
    def end_ns(self) -> Whole:
        return self.begin_ns + self.took_ns


@dataclass(frozen=True)
class Memory:
    """What a device had allocated after each change, in the order of the times."""

    at_ns: Whole
    allocated_bytes: Whole


@dataclass(frozen=True)
class Step:
    """A training step, as the program named it."""

    number: int
    begin_ns: int
    end_ns: int


@dataclass(frozen=True)
class Opened:
    """One trace.

    Args:
        tracks: process or GPU, and thread or stream, of each track, as the trace names them.
        slices: of each kind.
        memory: by device: `cpu`, `cuda:0` and so on.
        facts: what `collect.kernels` says of the window; empty in traces of others.
        base_ns: Unix time of the trace's zero.
    """

    path: Path
    names: tuple[str, ...]
    tracks: tuple[tuple[str, str], ...]
    slices: Mapping[str, Slices]
    memory: Mapping[str, Memory]
    steps: tuple[Step, ...]
    facts: Mapping[str, Any]
    base_ns: int
    fault: str = ""

    @property
    def worker(self) -> str:
        """The process that it is of, as the facts or else the file's name say."""
        worker = self.facts.get("worker")
        if isinstance(worker, str) and worker:
            return worker
        plain = self.path.name.partition(".")[0]
        return plain.rpartition("-")[0] or plain

    @property
    def extent_ns(self) -> tuple[int, int]:
        """From the first step's begin to the last one's end; of all slices where no step is."""
        if self.steps:
            return self.steps[0].begin_ns, max(step.end_ns for step in self.steps)
        there = [one for one in self.slices.values() if len(one)]
        if not there:
            return 0, 0
        begin = min(int(one.begin_ns.min()) for one in there)
        return begin, max(int(one.end_ns.max()) for one in there)


def read(path: Path, most_events: int = _MOST_EVENTS) -> Opened:
    """The trace in `path`, as much of it as can be read; `fault` says what was left out."""
    scan, columns = Scan(path), _Columns()
    fault = ""
    for event in scan.events():
        if columns.count >= most_events:
            fault = f"{path.name} has more than {most_events} events; the rest was left out."
            break
        columns.add(event)
    facts = scan.header.get("imageclf")
    base = _number(scan.header.get("baseTimeNanoseconds"))
    return Opened(
        path,
        tuple(columns.names),
        tuple(columns.tracks),
        {kind: rows.slices() for kind, rows in columns.rows.items()},
        {device: _memory(*changes) for device, changes in columns.memory.items()},
        tuple(sorted(columns.steps, key=lambda step: step.begin_ns)),
        facts if isinstance(facts, dict) else {},
        int(base) if base is not None else 0,
        fault or scan.fault,
    )


@dataclass
class _Rows:
    """Six numbers for each slice, one after the other."""

    numbers: "array[int]" = field(default_factory=lambda: array("q"))

    def slices(self) -> Slices:
        table = np.frombuffer(self.numbers, np.int64).reshape(-1, 6)
        return Slices(*np.ascontiguousarray(table.T)) if len(table) else NO_SLICES


NO_SLICES = Slices(*np.empty((6, 0), np.int64))


class _Columns:
    """Takes events one after the other, and keeps what is of use."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.tracks: dict[tuple[str, str], int] = {}
        self.rows = {kind: _Rows() for kind in (OPERATOR, CALL, KERNEL, COPY, SET)}
        self.memory: dict[str, tuple[array[int], array[int]]] = {}
        self.steps: list[Step] = []
        self.count = 0

    def add(self, event: Mapping[str, Any]) -> None:
        name, at_ns = event.get("name"), _ns(event.get("ts"))
        if not isinstance(name, str) or at_ns is None:
            return
        arguments = event.get("args")
        arguments = arguments if isinstance(arguments, dict) else {}
        kind = _KINDS.get(str(event.get("cat")))
        if event.get("ph") == "X" and kind is not None:
            self._slice(kind, name, at_ns, event, arguments)
        elif name == _MEMORY:
            self._memory(at_ns, arguments)

    def _slice(
        self, kind: str, name: str, at_ns: int, event: Mapping[str, Any], given: Mapping[str, Any]
    ) -> None:
        took_ns = _ns(event.get("dur"))
        if took_ns is None or took_ns < 0:
            return
        self.count += 1
        if name.startswith(STEP_PREFIX) and event.get("cat") == "user_annotation":
            self.steps.append(_step(name, at_ns, at_ns + took_ns))
        correlation = _number(given.get("correlation"))
        size = _number(given.get("bytes"))
        self.rows[kind].numbers.extend(
            (
                self._name(name),
                at_ns,
                took_ns,
                self._track(event),
                -1 if correlation is None else int(correlation),
                0 if size is None else int(size),
            )
        )

    def _memory(self, at_ns: int, given: Mapping[str, Any]) -> None:
        allocated, device = _number(given.get("Total Allocated")), given.get("Device Id")
        if allocated is None or not isinstance(device, int):
            return
        self.count += 1
        name = "cpu" if given.get("Device Type") == 0 else f"cuda:{device}"
        times, values = self.memory.setdefault(name, (array("q"), array("q")))
        times.append(at_ns)
        values.append(int(allocated))

    def _name(self, name: str) -> int:
        short = name[:_LONGEST_NAME]
        if short not in self.names and len(self.names) >= _MOST_NAMES:
            short = "(others)"
        return self.names.setdefault(short, len(self.names))

    def _track(self, event: Mapping[str, Any]) -> int:
        key = (str(event.get("pid"))[:_LONGEST_NAME], str(event.get("tid"))[:_LONGEST_NAME])
        return self.tracks.setdefault(key, len(self.tracks))


def _number(value: Any, most: float = 2.0**62) -> float | None:
    """A number that fits the arithmetic here; nothing else counts as one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -most < value < most else None


def _ns(us: Any) -> int | None:
    """Nanoseconds out of microseconds, which may be Unix time; three of them added still fit."""
    number = _number(us, 2.2e15)
    return None if number is None else round(number * 1000)


def _step(name: str, begin_ns: int, end_ns: int) -> Step:
    number = name.removeprefix(STEP_PREFIX)
    known = number.isdecimal() and len(number) < 18
    return Step(int(number) if known else -1, begin_ns, end_ns)


def _memory(times: "array[int]", values: "array[int]") -> Memory:
    at_ns = np.frombuffer(times, np.int64)
    order = np.argsort(at_ns, kind="stable")
    return Memory(at_ns[order], np.frombuffer(values, np.int64)[order])
