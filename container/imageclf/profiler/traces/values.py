"""What traces say, summed up. Times are of all windows together, shares 0 to 1 of their time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imageclf.profiler.recorded import Floats


@dataclass(frozen=True)
class Operator:
    """One kind of operator, all of its calls.

    Args:
        self_ms: time of the processor in it, without the operators that it calls.
        total_ms: with those; calls of itself count twice, as in torch's own tables.
        device_self_ms: what the GPU did for it, without what it did for operators called by it.
        share: `self_ms` of the windows' time.
        device_share: `device_self_ms` of the windows' time.
    """

    name: str
    calls: int
    self_ms: float
    total_ms: float
    device_self_ms: float
    device_total_ms: float
    share: float
    device_share: float


@dataclass(frozen=True)
class Kernel:
    """One kind of kernel on the GPU, all of its calls; `share` of the windows' time."""

    name: str
    calls: int
    total_ms: float
    mean_us: float
    share: float


@dataclass(frozen=True)
class Launches:
    """How the processor kept the GPU in work.

    Args:
        call_ms: time of the processor in the calls that launch.
        idle_ms, idle_share: the GPU did nothing, neither kernels nor copies.
        gap_ms, gap_share: part of that in which what came next had not yet been launched, be it
            that the processor was slow to launch, waited for data or for the GPU itself.
    """

    count: int
    call_ms: float
    idle_ms: float
    idle_share: float
    gap_ms: float
    gap_share: float


@dataclass(frozen=True)
class Synchronisation:
    """One way in which the processor waited for the GPU.

    `name` is the call, and in brackets the operator that it was made in.
    """

    name: str
    calls: int
    total_ms: float
    share: float


@dataclass(frozen=True)
class Copy:
    """Copies of one kind, as in `HtoD (Pageable -> Device)`; `gib_s` while copying."""

    kind: str
    calls: int
    mib: float
    total_ms: float
    gib_s: float


@dataclass(frozen=True)
class MemoryLine:
    """Memory that a process had allocated on a device, in the course of a window.

    On the processor only what was allocated within the window counts; it begins at 0.

    Args:
        device: `cpu`, or `cuda:0` and so on.
        t_s: seconds since the window began.
    """

    worker: str
    device: str
    t_s: Floats
    allocated_mib: Floats

    @property
    def peak_mib(self) -> float:
        return float(np.max(self.allocated_mib, initial=0.0))


@dataclass(frozen=True)
class TracedWindow:
    """The steps of one process that one trace holds."""

    worker: str
    first_step: int
    steps: int
    took_ms: float
    path: Path


@dataclass(frozen=True)
class Kernels:
    """All windows of a run together; the longest come first in each tuple.

    Args:
        outside_ms: time within steps in which their thread was in no operator: Python, and waiting.
    """

    windows: tuple[TracedWindow, ...] = ()
    operators: tuple[Operator, ...] = ()
    outside_ms: float = 0.0
    kernels: tuple[Kernel, ...] = ()
    launches: Launches | None = None
    synchronisations: tuple[Synchronisation, ...] = ()
    copies: tuple[Copy, ...] = ()
    memory: tuple[MemoryLine, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def took_ms(self) -> float:
        """Time of all windows."""
        return sum(window.took_ms for window in self.windows)

    @property
    def by_cpu(self) -> tuple[Operator, ...]:
        """The operators that cost the processor most first."""
        return tuple(sorted(self.operators, key=lambda one: -one.self_ms))

    @property
    def by_gpu(self) -> tuple[Operator, ...]:
        """The operators that cost the GPU most first; only those that cost it anything."""
        costly = (one for one in self.operators if one.device_self_ms > 0)
        return tuple(sorted(costly, key=lambda one: -one.device_self_ms))
