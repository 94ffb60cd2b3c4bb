"""When GPU and processor wait for each other: idle GPUs, late launches, synchronisations."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from imageclf.profiler.traces.nesting import Nested
from imageclf.profiler.traces.opened import Opened, Slices, Whole

_LAUNCHES = ("LaunchKernel", "GraphLaunch")
_WAITS = ("DeviceSynchronize", "StreamSynchronize", "EventSynchronize", "CtxSynchronize")
"""Parts of the names of calls: those of CUDA's runtime and driver, and of HIP."""


def waits(trace: Opened, nested: Nested) -> Iterator[tuple[str, float]]:
    """Each call that waited for the GPU: its name, with the operator, and milliseconds."""
    calls = nested.calls
    for index in np.flatnonzero(_called(trace, calls, _WAITS)).tolist():
        inside = int(nested.call_in[index])
        operator = trace.names[nested.operators.name[inside]] if inside >= 0 else ""
        name = trace.names[calls.name[index]]
        said = f"{name} ({operator})" if operator else name
        yield said, float(calls.took_ns[index]) / 1e6


def launches(trace: Opened, nested: Nested) -> npt.NDArray[np.float64]:
    """Launches; milliseconds in them; GPUs idle; of that, work not yet launched; time of GPUs."""
    begin_ns, end_ns = trace.extent_ns
    work, calls = nested.work, nested.calls
    if not len(work):
        return np.zeros(5)
    launching = _called(trace, calls, _LAUNCHES)
    known = nested.asked_by >= 0
    launched_ns = np.full(len(work), begin_ns)
    launched_ns[known] = calls.end_ns[nested.asked_by[known]]
    devices = _devices(trace, work)
    idle_ns = gap_ns = 0
    for device in np.unique(devices).tolist():
        own = np.flatnonzero(devices == device)
        own = own[np.argsort(work.begin_ns[own], kind="stable")]
        idle, gap = _idle(work.begin_ns[own], work.end_ns[own], launched_ns[own], begin_ns, end_ns)
        idle_ns, gap_ns = idle_ns + idle, gap_ns + gap
    there_ns = (end_ns - begin_ns) * len(np.unique(devices))
    times_ms = np.array([calls.took_ns[launching].sum(), idle_ns, gap_ns, there_ns]) / 1e6
    return np.array([float(launching.sum()), *times_ms])


def _idle(
    begins: Whole, ends: Whole, launched: Whole, begin_ns: int, end_ns: int
) -> tuple[int, int]:
    """Nanoseconds without work on one GPU, and those of them that a late launch ended.

    Args:
        begins, ends, launched: of each piece of work, in the order of the begins.
    """
    busy_until = np.maximum.accumulate(np.concatenate([[begin_ns], ends]))
    idle = np.clip(begins, begin_ns, end_ns) - np.clip(busy_until[:-1], begin_ns, end_ns)
    idle = np.maximum(idle, 0)
    late = launched > busy_until[:-1]
    after = max(0, end_ns - int(busy_until[-1]))
    return int(idle.sum()) + after, int(idle[late].sum())


def _devices(trace: Opened, work: Slices) -> Whole:
    """The GPU of each piece of work: a number for each name that the trace has for one."""
    names = sorted({device for device, _ in trace.tracks})
    of_track = np.array([names.index(device) for device, _ in trace.tracks], np.int64)
    return of_track[work.track]


def _called(trace: Opened, calls: Slices, parts: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Which calls have one of `parts` in their names."""
    wanted = np.array([any(part in name for part in parts) for name in trace.names], bool)
    return wanted[calls.name] if len(calls) else np.zeros(0, bool)
