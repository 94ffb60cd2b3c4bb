"""What the windows of steps say that were looked into closely: operators, kernels, gaps, copies.

Reads the traces that `collect.kernels` had torch.profiler write, or others of its making. Whatever
is damaged or too much is left out and said in `notes`.
"""

from collections.abc import Iterator
from pathlib import Path

from imageclf.profiler import names
from imageclf.profiler.files import safely
from imageclf.profiler.traces import opened
from imageclf.profiler.traces.opened import Opened
from imageclf.profiler.traces.summing import Sums
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

__all__ = [
    "Copy",
    "Kernel",
    "Kernels",
    "Launches",
    "MemoryLine",
    "Operator",
    "Synchronisation",
    "TracedWindow",
    "summarise",
    "traces",
]

_SUFFIXES = (".pt.trace.json.gz", ".pt.trace.json")

_MOST_FILES = 64
_MOST_EVENTS = 2_000_000


def summarise(folder: Path) -> Kernels | None:
    """What the traces in the folder of a profile say; None when there are none."""
    paths = files(folder)
    if not paths:
        return None
    sums = Sums()
    read = 0
    for trace in traces(folder):
        sums.add(trace)
        read += 1
    left_out = len(paths) - read
    note = f"There are {left_out} more traces of windows than are read; they were left out."
    return sums.kernels((note,) if left_out else ())


def traces(folder: Path) -> Iterator[Opened]:
    """The traces in the folder of a profile, one after the other; not all if too many."""
    left = _MOST_EVENTS
    for path in files(folder)[:_MOST_FILES]:
        if left <= 0:
            break
        trace = opened.read(path, left)
        left -= sum(map(len, trace.slices.values()))
        yield trace


def files(folder: Path) -> list[Path]:
    """Where the traces lie."""
    return [path for path in safely.inside(folder / names.KERNELS) if path.name.endswith(_SUFFIXES)]
