"""What goes through disks and networks, from the kernel's counters, by psutil.

Disks are the machine's, of which a container sees all; networks are those of the container. Only
real devices count: what passes a partition, a logical volume or a bridge passes a disk or a network
card too and would count twice.
"""

from collections.abc import Callable, Collection
from pathlib import Path

import psutil

from imageclf.profiler import names
from imageclf.profiler.collect.meter import MIB, UNKNOWN

_VIRTUAL_DISKS = ("loop", "ram", "zram", "dm-", "md", "sr", "fd")
_VIRTUAL_NETWORKS = ("lo", "docker", "br-", "veth", "ifb", "virbr", "tun", "tap", "dummy")

Count = tuple[int, int]
"""Bytes in and out."""


class Traffic:
    """MiB a second in each of two directions.

    Args:
        counts: bytes in and out of each device since the machine began.
    """

    def __init__(self, columns: tuple[str, str], counts: Callable[[], dict[str, Count]]) -> None:
        self.columns = columns
        self._counts = counts
        self._before = self._known()

    def read(self, elapsed_s: float) -> list[float]:
        """Rates since the last call; a device that is new, or counts anew, adds nothing."""
        now = self._known()
        before, self._before = self._before, now
        if now is None or before is None or elapsed_s <= 0:
            return [UNKNOWN, UNKNOWN]
        passed = [0, 0]
        for device in now.keys() & before.keys():
            for way in (0, 1):
                passed[way] += max(0, now[device][way] - before[device][way])
        return [one / MIB / elapsed_s for one in passed]

    def _known(self) -> dict[str, Count] | None:
        try:
            return self._counts()
        except (OSError, ValueError, NotImplementedError, RuntimeError):
            return None


def disks() -> Traffic:
    """Reading and writing of the disks."""
    devices = _devices(Path("/sys/block"), _VIRTUAL_DISKS)

    def counts() -> dict[str, Count]:
        found = psutil.disk_io_counters(perdisk=True, nowrap=False)
        return {
            name: (one.read_bytes, one.write_bytes)
            for name, one in found.items()
            if name in devices
        }

    return Traffic((names.DISK_READ, names.DISK_WRITE), counts)


def networks() -> Traffic:
    """Receiving and sending of the networks, loopback left out."""
    devices = _devices(Path("/sys/class/net"), _VIRTUAL_NETWORKS)

    def counts() -> dict[str, Count]:
        found = psutil.net_io_counters(pernic=True, nowrap=False)
        return {
            name: (one.bytes_recv, one.bytes_sent) for name, one in found.items() if name in devices
        }

    return Traffic((names.NET_IN, names.NET_OUT), counts)


def _devices(folder: Path, virtual: Collection[str]) -> frozenset[str]:
    """Those with hardware behind them; where none has, all but what is known to be virtual."""
    try:
        there = sorted(path.name for path in folder.iterdir())
    except OSError:
        there = []
    real = [name for name in there if (folder / name / "device").exists()]
    return frozenset(real or [name for name in there if not name.startswith(tuple(virtual))])
