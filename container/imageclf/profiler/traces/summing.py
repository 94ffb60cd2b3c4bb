"""Sums traces up, one after the other: only sums are kept."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from imageclf.profiler.recorded import Floats
from imageclf.profiler.report.thinning import thin
from imageclf.profiler.traces import waiting
from imageclf.profiler.traces.nesting import Nested, nest
from imageclf.profiler.traces.opened import COPY, KERNEL, NO_SLICES, STEP_PREFIX, Memory, Opened
from imageclf.profiler.traces.values import (
    Copy,
    Kernel,
    Kernels,
    Launches,
    MemoryLine,
    Operator,
    Synchronisation,
    TracedWindow,
)

_MIB = 1 << 20
_GIB = 1 << 30

Sum = npt.NDArray[np.float64]


class Sums:
    """What all traces together took, by name; times in milliseconds."""

    def __init__(self) -> None:
        self._windows: list[TracedWindow] = []
        self._operators: dict[str, Sum] = defaultdict(lambda: np.zeros(5))
        self._kernels: dict[str, Sum] = defaultdict(lambda: np.zeros(2))
        self._waits: dict[str, Sum] = defaultdict(lambda: np.zeros(2))
        self._copies: dict[str, Sum] = defaultdict(lambda: np.zeros(3))
        self._launches = np.zeros(5)
        self._outside_ms = 0.0
        self._memory: list[MemoryLine] = []
        self._notes: list[str] = []

    def add(self, trace: Opened) -> None:
        """Take one trace in."""
        if trace.fault:
            self._notes.append(trace.fault)
        begin_ns, end_ns = trace.extent_ns
        if end_ns <= begin_ns:
            if not trace.fault:
                self._notes.append(f"{trace.path.name} holds nothing that took time.")
            return
        self._windows.append(_window(trace, (end_ns - begin_ns) / 1e6))
        nested = nest(trace)
        if trace.facts.get("gpu") is True and not len(nested.work):
            name = trace.path.name
            self._notes.append(f"{name} holds nothing of the GPU; see whether CUPTI may be used.")
        self._add_operators(trace, nested)
        self._add_work(trace)
        self._add_waits(trace, nested)
        self._launches += waiting.launches(trace, nested)
        for device, memory in trace.memory.items():
            self._memory.append(_line(trace.worker, device, memory, begin_ns))

    def kernels(self, notes: Iterable[str] = ()) -> Kernels:
        """All of it."""
        took_ms = sum(window.took_ms for window in self._windows) or 1.0
        return Kernels(
            tuple(self._windows),
            tuple(_operator(name, sums, took_ms) for name, sums in _longest(self._operators)),
            self._outside_ms,
            tuple(
                Kernel(name, int(calls), ms, 1e3 * ms / calls, ms / took_ms)
                for name, (calls, ms) in _longest(self._kernels)
            ),
            self._of_launches(),
            tuple(
                Synchronisation(name, int(calls), ms, ms / took_ms)
                for name, (calls, ms) in _longest(self._waits)
            ),
            tuple(
                Copy(name, int(calls), size / _MIB, ms, 1e3 * size / _GIB / ms if ms else 0.0)
                for name, (calls, ms, size) in _longest(self._copies)
            ),
            tuple(self._memory),
            (*self._notes, *notes),
        )

    def _add_operators(self, trace: Opened, nested: Nested) -> None:
        operators = nested.operators
        columns = (
            np.ones(len(operators)),
            nested.self_ns / 1e6,
            operators.took_ns / 1e6,
            nested.device_ns / 1e6,
            nested.device_total_ns / 1e6,
        )
        for name, sums in _by_name(trace, operators.name, columns):
            if name.startswith(STEP_PREFIX):
                self._outside_ms += float(sums[1])
            else:
                self._operators[name] += sums

    def _add_work(self, trace: Opened) -> None:
        kernels, copies = (trace.slices.get(kind, NO_SLICES) for kind in (KERNEL, COPY))
        columns = np.ones(len(kernels)), kernels.took_ns / 1e6
        for name, sums in _by_name(trace, kernels.name, columns):
            self._kernels[name] += sums
        columns_of_copies = np.ones(len(copies)), copies.took_ns / 1e6, copies.size_bytes
        for name, sums in _by_name(trace, copies.name, columns_of_copies):
            self._copies[name.removeprefix("Memcpy ")] += sums

    def _add_waits(self, trace: Opened, nested: Nested) -> None:
        for name, took_ms in waiting.waits(trace, nested):
            self._waits[name] += (1, took_ms)

    def _of_launches(self) -> Launches | None:
        count, call_ms, idle_ms, gap_ms, there_ms = (float(one) for one in self._launches)
        if not there_ms:
            return None
        return Launches(int(count), call_ms, idle_ms, idle_ms / there_ms, gap_ms, gap_ms / there_ms)


def _window(trace: Opened, took_ms: float) -> TracedWindow:
    numbers = [step.number for step in trace.steps]
    return TracedWindow(trace.worker, min(numbers, default=0), len(numbers), took_ms, trace.path)


def _by_name(
    trace: Opened, name: npt.NDArray[np.int64], columns: Sequence[npt.NDArray[np.generic]]
) -> list[tuple[str, Sum]]:
    """Sums of the columns for each name that there is."""
    there = np.unique(name)
    sums = np.stack([np.bincount(name, weights=one) for one in columns], axis=1)
    return [(trace.names[one], sums[one]) for one in there.tolist()]


def _operator(name: str, sums: list[float], took_ms: float) -> Operator:
    calls, self_ms, total_ms, device_ms, device_total_ms = sums
    shares = self_ms / took_ms, device_ms / took_ms
    return Operator(name, int(calls), self_ms, total_ms, device_ms, device_total_ms, *shares)


def _longest(sums: dict[str, Sum]) -> list[tuple[str, list[float]]]:
    """By the second column, the time."""
    found = [(name, [float(one) for one in columns]) for name, columns in sums.items()]
    return sorted(found, key=lambda one: -one[1][1])


def _line(worker: str, device: str, memory: Memory, begin_ns: int) -> MemoryLine:
    t_s: Floats = (memory.at_ns - begin_ns) / 1e9
    mib: Floats = memory.allocated_bytes / _MIB
    drawn = thin(mib)
    return MemoryLine(worker, device, t_s[drawn], mib[drawn])
