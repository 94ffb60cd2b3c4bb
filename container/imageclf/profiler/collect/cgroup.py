"""What the container may use and how it is held back: control groups, version 2 and 1.

The groups of this process count from its own outwards, as far as they can be seen: a container
sees its own as the outermost. Sources: the kernel's cgroup-v2 and cgroup-v1 guides.
"""

from collections.abc import Iterator
from pathlib import Path

import psutil

from imageclf.profiler import names
from imageclf.profiler.collect.meter import MIB, UNKNOWN, ProcFile, named_numbers

ROOT = Path("/sys/fs/cgroup")

_SELF = Path("/proc/self/cgroup")


def groups(controller: str, root: Path = ROOT, own: Path = _SELF) -> list[Path]:
    """Folders of the groups in which this process is, for `controller` (`memory`, `cpu`)."""
    found: dict[Path, None] = {}
    for base, inner in _places(controller, root, own):
        path = base / inner.lstrip("/")
        for folder in (path, *path.parents):
            if folder.is_relative_to(base) and folder.is_dir():
                found[folder] = None
    return list(found)


def _places(controller: str, root: Path, own: Path) -> Iterator[tuple[Path, str]]:
    try:
        lines = own.read_text().splitlines()
    except (OSError, ValueError):
        lines = []
    for line in lines:
        _, controllers, inner = [*line.split(":", 2), "", ""][:3]
        if not controllers:
            yield root, inner if (root / "cgroup.controllers").exists() else "/"
        elif controller in controllers.split(","):
            yield root / controller, inner


class Memory:
    """Memory that is in use and cannot be had back at once.

    Of the group with the tightest limit: what is charged to it less the file pages that were not
    used lately, as `docker stats` counts; without a limit, of the machine: what is not available.
    """

    columns = (names.MEMORY, names.MEMORY_MIB)

    def __init__(self, folders: list[Path] | None = None, total: int | None = None) -> None:
        self._total = psutil.virtual_memory().total if total is None else total
        self._usage: ProcFile | None = None
        self._statistics: ProcFile | None = None
        for folder in groups("memory") if folders is None else folders:
            self._take(folder)

    def read(self, _elapsed_s: float) -> list[float]:
        """Per cent of the limit, and MiB."""
        used = self._used()
        if used is None or not self._total:
            return [UNKNOWN, UNKNOWN]
        return [min(100.0, 100 * used / self._total), used / MIB]

    def _take(self, folder: Path) -> None:
        for limit, usage in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            bound = _number(ProcFile(folder / limit).read())
            if bound is not None and 0 < bound < self._total:
                self._total = bound
                self._usage = ProcFile(folder / usage)
                self._statistics = ProcFile(folder / "memory.stat")

    def _used(self) -> int | None:
        if self._usage is None or self._statistics is None:
            machine = psutil.virtual_memory()
            return int(machine.total - machine.available)
        usage = _number(self._usage.read())
        if usage is None:
            return None
        known = named_numbers(self._statistics.read())
        idle = known.get("total_inactive_file", known.get("inactive_file", 0))
        return max(0, usage - idle)


class Quota:
    """How much of its processor time a container has used, where it has less than its cores.

    Args:
        cores: on so many the training may run.
    """

    def __init__(
        self, cores: int, folders: list[Path] | None = None, accounts: list[Path] | None = None
    ) -> None:
        folders = groups("cpu") if folders is None else folders
        accounts = groups("cpuacct") if accounts is None else accounts
        self._cores = float(cores)
        self._file: ProcFile | None = None
        for folder in folders:
            quota = _quota(folder)
            if quota is not None and quota < self._cores:
                self._cores = quota
                place = folders.index(folder)
                older = accounts[place] if place < len(accounts) else folder
                newer = ProcFile(folder / "cpu.stat")
                is_new = "usage_usec" in named_numbers(newer.read())
                self._file = newer if is_new else ProcFile(older / "cpuacct.usage")
        self._before_s = self._used_s()

    def read(self, elapsed_s: float) -> float | None:
        """Per cent of the quota for `elapsed_s`; None where there is none or nothing counts it."""
        used_s = self._used_s()
        before_s, self._before_s = self._before_s, used_s
        if used_s is None or before_s is None or elapsed_s <= 0:
            return None
        return min(100.0, max(0.0, 100 * (used_s - before_s) / elapsed_s / self._cores))

    def _used_s(self) -> float | None:
        if self._file is None:
            return None
        content = self._file.read()
        counted_ns = _number(content)
        if counted_ns is not None:
            return counted_ns / 1e9
        counted_us = named_numbers(content).get("usage_usec")
        return None if counted_us is None else counted_us / 1e6


class Throttling:
    """Share of the time in which the container had used up its processor time and had to wait.

    The kernel adds up the cores that wait; more than all of the time is told as all of it.
    """

    columns = (names.THROTTLED,)

    def __init__(self, folders: list[Path] | None = None) -> None:
        folders = groups("cpu") if folders is None else folders
        self._files = [ProcFile(folder / "cpu.stat") for folder in folders]
        self._before = self._waited_s()

    def read(self, elapsed_s: float) -> list[float]:
        """Per cent of `elapsed_s`; of several groups, the one that waited longest."""
        waited_s = self._waited_s()
        longest = [new - old for old, new in zip(self._before, waited_s, strict=True)]
        self._before = waited_s
        known = [one for one in longest if one == one]  # noqa: PLR0124  (NaN is no number)
        if not known or elapsed_s <= 0:
            return [UNKNOWN]
        return [min(100.0, max(0.0, 100 * max(known) / elapsed_s))]

    def _waited_s(self) -> list[float]:
        return [_throttled_s(named_numbers(file.read())) for file in self._files]


def _throttled_s(counted: dict[str, int]) -> float:
    if "throttled_usec" in counted:
        return counted["throttled_usec"] / 1e6
    if "throttled_time" in counted:
        return counted["throttled_time"] / 1e9
    return UNKNOWN


def _quota(folder: Path) -> float | None:
    """Cores' worth of time that a group may use; None without a limit."""
    given, _, period = ProcFile(folder / "cpu.max").read().partition(b" ")
    quota_us, period_us = _number(given), _number(period)
    if quota_us is None:
        quota_us = _number(ProcFile(folder / "cpu.cfs_quota_us").read())
        period_us = _number(ProcFile(folder / "cpu.cfs_period_us").read())
    return quota_us / period_us if quota_us and period_us else None


def _number(content: bytes) -> int | None:
    text = content.strip()
    return int(text) if text.isdigit() else None
