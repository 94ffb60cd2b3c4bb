"""What the processes of a training did: steps with their phases, spans, batches that were read."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.recorded import Span, Table
from imageclf.profiler.traces.tracks import Process, Slice

_BLOCK = 8
"""Steps that are shown come in rows of so many: one alone says little."""

_LEAST_MS = 5e-4

Chosen = npt.NDArray[np.bool_]


def put_steps(
    process: Process, steps: Table, most: int, close: Sequence[tuple[float, float]] = ()
) -> list[str]:
    """Put steps and phases on `process`, in about `most` events.

    Args:
        close: begin and end in seconds of times in which every step is to be shown.
    """
    steps = steps.where(np.isfinite(steps.at_s) & np.isfinite(steps[names.TOOK]))
    phases = [one for one in names.PHASES if steps.has(names.host_column(one))]
    chosen = _chosen(steps, max(_BLOCK, most // (1 + len(phases))), close)
    left_out = process.put("steps and phases", _slices(steps, phases, chosen))
    missing = int(len(steps) - chosen.sum()) + left_out
    if not missing:
        return []
    return [
        f"{missing} of {len(steps)} steps of a process are not shown; its longest are, those in "
        "windows, and rows of neighbours throughout the run."
    ]


def put_spans(process: Process, spans: Sequence[Span], most: int) -> list[str]:
    """Put what took its time once on `process`, the longest where there is too much."""
    longest = sorted(spans, key=lambda span: -span.took_s)[:most]
    slices = [
        Slice(_ns(one.at_s), _ns(one.at_s + one.took_s), one.name)
        for one in longest
        if np.isfinite(one.at_s + one.took_s) and one.took_s >= 0
    ]
    missing = len(spans) - len(slices) + process.put("spans", slices)
    return [f"{missing} of {len(spans)} spans of a process are not shown."] if missing else []


def put_reads(process: Process, reads: Table, most: int) -> list[str]:
    """Put the batches on `process`, a track for each reader."""
    reads = reads.where(np.isfinite(reads.at_s) & (reads[names.TOOK] >= 0))
    chosen = _chosen(reads, most, ())
    missing = int(len(reads) - chosen.sum())
    shown = reads.where(chosen)
    for reader in np.unique(shown[names.WORKER]).tolist():
        own = shown.where(shown[names.WORKER] == reader)
        name = f"reader {reader:.0f}" if reader >= 0 else "reading threads"
        missing += process.put(name, list(_batches(own)))
    if not missing:
        return []
    return [f"{missing} of {len(reads)} batches that a process had read are not shown."]


def _chosen(table: Table, most: int, close: Sequence[tuple[float, float]]) -> Chosen:
    """Rows that are shown: all, or the longest, those that are `close`, and rows of neighbours."""
    count = len(table)
    if count <= most:
        return np.ones(count, bool)
    chosen = np.zeros(count, bool)
    chosen[np.argsort(-table[names.TOOK], kind="stable")[: most // 4]] = True
    for begin_s, end_s in close:
        near = np.flatnonzero((table.at_s >= begin_s) & (table.at_s <= end_s))
        chosen[near[: most // 4]] = True
    blocks = max(1, most // 2 // _BLOCK)
    starts = np.linspace(0, count - _BLOCK, blocks).astype(np.int64)
    chosen[np.unique(starts[:, None] + np.arange(_BLOCK))] = True
    return chosen


def _slices(steps: Table, phases: Sequence[str], chosen: Chosen) -> Iterator[Slice]:
    """Steps, and in each its phases one after the other, in the order of `names.PHASES`."""
    begin_ns = (steps.at_s * 1e9).astype(np.int64)
    end_ns = begin_ns + np.maximum(steps[names.TOOK] * 1e6, 0).astype(np.int64)
    # Lengths have seven digits: the end of a long step may seem to lie behind the next one's begin.
    end_ns[:-1] = np.clip(end_ns[:-1], begin_ns[:-1], begin_ns[1:])
    times_ms = [steps[names.host_column(one)] for one in phases]
    numbers, modes = steps[names.STEP], steps[names.MODE]
    epochs, images = steps[names.EPOCH], steps[names.IMAGES]
    device_ms = {one: steps[names.device_column(one)] for one in names.DEVICE_PHASES}
    for place in np.flatnonzero(chosen).tolist():
        begin, end = int(begin_ns[place]), int(end_ns[place])
        what = "step" if modes[place] == names.TRAIN else "evaluation step"
        known = {"epoch": epochs[place], "images": images[place]}
        arguments = {key: float(value) for key, value in known.items() if np.isfinite(value)}
        yield Slice(begin, end, f"{what} {numbers[place]:.0f}", arguments)
        for phase, column in zip(phases, times_ms, strict=True):
            took_ms = float(column[place])
            if not took_ms >= _LEAST_MS or begin >= end:
                continue
            phase_end = min(end, begin + round(took_ms * 1e6))
            on_device = float(device_ms[phase][place]) if phase in device_ms else np.nan
            given = {"device_ms": round(on_device, 3)} if np.isfinite(on_device) else {}
            yield Slice(begin, phase_end, phase, given)
            begin = phase_end


def _batches(reads: Table) -> Iterator[Slice]:
    columns = {name: reads[name].tolist() for name in names.READ_COLUMNS}
    for place, at_s in enumerate(reads.at_s.tolist()):
        given = {
            name: round(columns[name][place], 3)
            for name in (names.FETCH, names.DECODE, names.IMAGES, names.THREADS)
            if np.isfinite(columns[name][place])
        }
        end_ns = _ns(at_s + columns[names.TOOK][place] / 1e3)
        yield Slice(_ns(at_s), end_ns, "batch", given)


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
