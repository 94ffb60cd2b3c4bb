"""What this machine, or this container's share of it, has: cores, memory, GPUs."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_1_UNLIMITED = 1 << 60


def cores(cgroup: Path = _CGROUP) -> int:
    """Processor cores this process may use: those it may run on, no more than its quota."""
    allowed = len(os.sched_getaffinity(0))
    quota = _cpu_quota(cgroup)
    return max(1, min(allowed, int(quota) if quota else allowed))


def memory_bytes(cgroup: Path = _CGROUP) -> int:
    """Memory this process may use: the container's limit, or what the machine has."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_number(cgroup / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return min([total, *(limit for limit in limits if limit and limit < _CGROUP_1_UNLIMITED)])


def gpus(environment: Mapping[str, str] = os.environ, devices: Path = Path("/dev")) -> int:
    """NVIDIA GPUs this process may use; asks no driver, so it is quick and loads nothing."""
    there = sum(1 for path in devices.glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name))
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return there
    return min(there, len([one for one in chosen.split(",") if one.strip() not in {"", "-1"}]))


def _cpu_quota(cgroup: Path) -> float | None:
    """Cores' worth of time a second; None without a limit. Source: Linux, cgroup-v2 and -v1."""
    try:
        given, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        given = str(_number(cgroup / "cpu" / "cpu.cfs_quota_us") or "max")
        period = str(_number(cgroup / "cpu" / "cpu.cfs_period_us") or 0)
    if given == "max" or int(period) <= 0 or int(given) <= 0:
        return None
    return int(given) / int(period)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
