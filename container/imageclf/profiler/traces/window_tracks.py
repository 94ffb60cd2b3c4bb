"""What windows of steps hold, on the time axis of the run: operators, calls, work of GPUs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imageclf.profiler.files.axis import Axis
from imageclf.profiler.traces.opened import COPY, KERNEL, SET, Opened
from imageclf.profiler.traces.tracks import Process, Slice

_ON_GPU = (KERNEL, COPY, SET)


def shift_ns(trace: Opened, axis: Axis) -> int | None:
    """What is to be added to the trace's times to make them times of the run.

    By the clock that nobody sets where the trace has a reading of it, else by the wall clock; None
    where neither can be.
    """
    began_ns = axis.began_wall_ns
    monotonic_ns, wall_ns = trace.facts.get("monotonic_ns"), trace.facts.get("wall_ns")
    if isinstance(monotonic_ns, int) and isinstance(wall_ns, int):
        at_ns = monotonic_ns + trace.base_ns - wall_ns
        if -(1 << 62) < at_ns < 1 << 62:
            zero_s = float(axis.seconds(trace.facts, at_ns))
            if np.isfinite(zero_s):
                return round(zero_s * 1e9)
    return None if began_ns is None or not trace.base_ns else trace.base_ns - began_ns


@dataclass(frozen=True)
class Picked:
    """What is shown of one window.

    Args:
        begin_s, end_s: of the window, in seconds of the run.
        tracks: slices by the name of their track.
        missing: how many were not picked, of how many.
    """

    worker: str
    name: str
    begin_s: float
    end_s: float
    tracks: Mapping[str, Sequence[Slice]]
    missing: int
    count: int


def pick(trace: Opened, shift: int, most: int) -> Picked:
    """Pick what is shown of a window: at most `most` slices, the longest."""
    count = sum(map(len, trace.slices.values()))
    shortest_ns = _shortest(trace, most)
    tracks: dict[str, list[Slice]] = {}
    for kind in trace.slices:
        for track, one in _slices(trace, kind, shift, shortest_ns):
            tracks.setdefault(track, []).append(one)
    begin_ns, end_ns = trace.extent_ns
    return Picked(
        trace.worker,
        trace.path.name,
        (begin_ns + shift) / 1e9,
        (end_ns + shift) / 1e9,
        tracks,
        count - sum(map(len, tracks.values())),
        count,
    )


def put(process: Process, picked: Picked) -> list[str]:
    """Put a window on `process`; says what was left out of it."""
    missing = picked.missing
    for track in sorted(picked.tracks, reverse=True):
        missing += process.put(track, picked.tracks[track])
    if not missing:
        return []
    return [f"{missing} of {picked.count} events of {picked.name}, the shortest, are not shown."]


def _shortest(trace: Opened, most: int) -> int:
    """Length from which on a slice is shown, so that no more than `most` are."""
    nothing = np.empty(0, np.int64)
    took_ns = np.concatenate([nothing, *(one.took_ns for one in trace.slices.values())])
    if len(took_ns) <= most:
        return 0
    return int(np.partition(took_ns, len(took_ns) - most)[len(took_ns) - most]) + 1


def _slices(trace: Opened, kind: str, shift: int, shortest_ns: int) -> Sequence[tuple[str, Slice]]:
    slices = trace.slices[kind]
    places = np.flatnonzero(slices.took_ns >= shortest_ns).tolist()
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
