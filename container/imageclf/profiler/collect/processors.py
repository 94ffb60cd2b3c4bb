"""How busy the cores are, from what the kernel counts: /proc/stat and /proc/loadavg (see proc(5)).

A core's utilisation is the share of its time that went to user, nice, system, interrupts and what
a hypervisor stole. Waiting for disks is no work and stands apart.
"""

import os
from collections.abc import Collection
from pathlib import Path

from imageclf.profiler import names
from imageclf.profiler.collect.cgroup import Quota
from imageclf.profiler.collect.meter import UNKNOWN, ProcFile

_IDLE, _IO_WAIT = 3, 4
_COUNTED = 8  # what follows is the time of guests, which `user` and `nice` hold already

Ticks = list[int]


class Cores:
    """Utilisation of each core that the training may use, their mean and what waits for disks.

    Of a container that may use less than its cores, the mean is that of what it may use: two cores'
    worth of sixteen are all of it when both are used.

    Args:
        chosen: numbers of the cores; None for those on which this process may run.
        quota: what the container may use; None for its groups.
    """

    def __init__(
        self,
        chosen: Collection[int] | None = None,
        proc: Path = Path("/proc"),
        quota: Quota | None = None,
    ) -> None:
        self.chosen = sorted(os.sched_getaffinity(0) if chosen is None else chosen)
        self._quota = Quota(len(self.chosen)) if quota is None else quota
        self.columns = (names.CPU, names.IO_WAIT, *map(names.core_column, self.chosen))
        self._file = ProcFile(proc / "stat")
        self._before = self._ticks()

    def read(self, elapsed_s: float) -> list[float]:
        """Per cent of the time since the last call."""
        ticks, of_quota = self._ticks(), self._quota.read(elapsed_s)
        shares = [_shares(self._before.get(one), ticks.get(one)) for one in self.chosen]
        self._before = ticks
        known = [one for one in shares if one is not None]
        if not known:
            return [UNKNOWN] * len(self.columns)
        busy, waits = (sum(each) / len(known) for each in zip(*known, strict=True))
        busy = busy if of_quota is None else of_quota
        return [busy, waits, *(UNKNOWN if one is None else one[0] for one in shares)]

    def _ticks(self) -> dict[int, Ticks]:
        """What was counted of each core since the machine began."""
        found = {}
        for line in self._file.read().split(b"\n"):
            if not line.startswith(b"cpu"):
                break
            head, *counts = line.split()
            if head != b"cpu":
                found[int(head[3:])] = [int(one) for one in counts[:_COUNTED]]
        return found


class Load:
    """Processes that run or wait for a core or a disk, mean of about a minute."""

    columns = (names.LOAD,)

    def read(self, _elapsed_s: float) -> list[float]:
        """The figure of now."""
        try:
            return [os.getloadavg()[0]]
        except OSError:
            return [UNKNOWN]


def _shares(before: Ticks | None, after: Ticks | None) -> tuple[float, float] | None:
    """Per cent of work and of waiting for disks; None when no tick has passed or is known.

    The kernel may count backwards a little, above all waiting for disks (proc(5)).
    """
    if before is None or after is None or len(before) != len(after):
        return None
    spent = [max(0, new - old) for old, new in zip(before, after, strict=True)]
    total = sum(spent)
    if not total or len(spent) <= _IO_WAIT:
        return None
    waits = spent[_IO_WAIT]
    return 100 * (total - spent[_IDLE] - waits) / total, 100 * waits / total
