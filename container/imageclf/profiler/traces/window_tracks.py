"""What windows of steps hold, on the time axis of the run: operators, calls, work of GPUs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imageclf.profiler.files.axis import Axis
from imageclf.profiler.report.thinning import thin
from imageclf.profiler.traces.opened import COPY, KERNEL, SET, Memory, Opened
from imageclf.profiler.traces.tracks import Process, Slice

_FARTHEST_NS = 1 << 61

_ON_GPU = (KERNEL, COPY, SET)


def shift_ns(trace: Opened, axis: Axis) -> int | None:
    """What is to be added to the trace's times to make them times of the run.

    By the clock that nobody sets where the trace has a reading of it, else by the wall clock; None
    where neither can be.
    """
    found = _by_facts(trace, axis)
    if found is None and axis.began_wall_ns is not None and trace.base_ns:
        found = trace.base_ns - axis.began_wall_ns
    return found if found is not None and abs(found) < _FARTHEST_NS else None


def _by_facts(trace: Opened, axis: Axis) -> int | None:
    monotonic_ns, wall_ns = trace.facts.get("monotonic_ns"), trace.facts.get("wall_ns")
    if not isinstance(monotonic_ns, int) or not isinstance(wall_ns, int):
        return None
    at_ns = monotonic_ns + trace.base_ns - wall_ns
    if abs(at_ns) >= _FARTHEST_NS:
        return None
    zero_s = float(axis.seconds(trace.facts, at_ns))
    return round(zero_s * 1e9) if np.isfinite(zero_s) else None


@dataclass(frozen=True)
class Picked:
    """What is shown of one window.

    Args:
        begin_s, end_s: of the window, in seconds of the run.
        tracks: slices by the name of their track.
        memory: by device, times in nanoseconds of the run and MiB that were allocated.
        missing: how many slices were not picked, of how many.
    """

    worker: str
    name: str
    begin_s: float
    end_s: float
    tracks: Mapping[str, Sequence[Slice]]
    memory: Mapping[str, tuple[Sequence[int], Sequence[float]]]
    missing: int
    count: int


def pick(trace: Opened, shift: int, most: int) -> Picked:
    """Pick what is shown of a window: at most `most` slices, the longest."""
    count = sum(map(len, trace.slices.values()))
    tracks: dict[str, list[Slice]] = {}
    for kind, places in _longest(trace, most).items():
        for track, one in _slices(trace, kind, shift, places):
            tracks.setdefault(track, []).append(one)
    begin_ns, end_ns = trace.extent_ns
    return Picked(
        trace.worker,
        trace.path.name,
        (begin_ns + shift) / 1e9,
        (end_ns + shift) / 1e9,
        tracks,
        {device: _thinned(one, shift) for device, one in trace.memory.items()},
        count - sum(map(len, tracks.values())),
        count,
    )


def put(process: Process, picked: Picked) -> list[str]:
    """Put a window on `process`; says what was left out of it."""
    missing = picked.missing
    for track in sorted(picked.tracks, reverse=True):
        missing += process.put(track, picked.tracks[track])
    for device, (at_ns, mib) in picked.memory.items():
        process.count(f"allocated on {device}, MiB", at_ns, {"allocated": mib})
    if not missing:
        return []
    return [f"{missing} of {picked.count} events of {picked.name}, the shortest, are not shown."]


def _thinned(memory: Memory, shift: int) -> tuple[list[int], list[float]]:
    chosen = thin(memory.allocated_bytes.astype(np.float64))
    mib = memory.allocated_bytes[chosen] / (1 << 20)
    return (memory.at_ns[chosen] + shift).tolist(), mib.tolist()


def _longest(trace: Opened, most: int) -> dict[str, list[int]]:
    """Which slices of each kind are shown, so that no more than `most` are."""
    nothing = np.empty(0, np.int64)
    took_ns = np.concatenate([nothing, *(one.took_ns for one in trace.slices.values())])
    chosen = np.sort(np.argsort(-took_ns, kind="stable")[:most])
    found = {}
    first = 0
    for kind, slices in trace.slices.items():
        own = chosen[(chosen >= first) & (chosen < first + len(slices))]
        found[kind] = (own - first).tolist()
        first += len(slices)
    return found


def _slices(trace: Opened, kind: str, shift: int, places: list[int]) -> Sequence[tuple[str, Slice]]:
    slices = trace.slices[kind]
    begin, end = (slices.begin_ns + shift).tolist(), (slices.end_ns + shift).tolist()
    names, tracks = slices.name.tolist(), slices.track.tolist()
    sizes = slices.size_bytes.tolist()
    return [
        (
            _track(trace.tracks[tracks[place]], kind),
            Slice(
                begin[place],
                end[place],
                trace.names[names[place]],
                {"bytes": sizes[place]} if kind == COPY else {},
            ),
        )
        for place in places
    ]


def _track(track: tuple[str, str], kind: str) -> str:
    first, second = track
    if kind in _ON_GPU:
        return f"GPU {first}, stream {second}"
    return f"thread {second}: operators and calls"
