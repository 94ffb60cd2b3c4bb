"""What the machines did, as counters: cores, memory, disks, network, GPUs."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.recorded import Table
from imageclf.profiler.report.thinning import thin
from imageclf.profiler.traces.tracks import Process

Group = Mapping[str, str]
"""Series of one counter, with their columns."""

_GROUPS: Mapping[str, Group] = {
    "cores, %": {"working": names.CPU, "waiting for disks": names.IO_WAIT},
    "load": {"load": names.LOAD},
    "memory, MiB": {"machine": names.MEMORY_MIB, "training": names.OWN_MEMORY_MIB},
    "disk, MiB/s": {"read": names.DISK_READ, "written": names.DISK_WRITE},
    "network, MiB/s": {"in": names.NET_IN, "out": names.NET_OUT},
    "kept from cores, %": {"throttled": names.THROTTLED},
}
_OF_GPU: Mapping[str, Group] = {
    "%": {"utilisation": names.GPU_UTILIZATION, "memory": names.GPU_MEMORY},
    "memory, MiB": {"used": "memory_mib"},
    "power, W": {"power": "power_w"},
    "temperature, °C": {"temperature": "temperature_c"},
    "clocks, MHz": {"multiprocessors": "sm_clock_mhz", "memory": "memory_clock_mhz"},
}


def put(process: Process, host: str, samples: Table, most: int) -> list[str]:
    """Put the counters of a host on `process`, at most `most` events; says what was left out."""
    groups = [(name, group) for name, group in _groups(samples) if _any(samples, group)]
    if not groups:
        return []
    each = max(4, most // len(groups))
    thinned = False
    for name, group in groups:
        chosen = _chosen(samples, group, each)
        thinned |= len(chosen) < len(samples)
        at_ns = (samples.at_s[chosen] * 1e9).astype(np.int64).tolist()
        series = {key: samples[column][chosen].tolist() for key, column in group.items()}
        process.count(name, at_ns, series)
    if not thinned:
        return []
    return [f"Of the {len(samples)} samples of {host} the extremes of equal stretches are shown."]


def _groups(samples: Table) -> Iterator[tuple[str, Group]]:
    yield from _GROUPS.items()
    for gpu in samples.gpus:
        for name, group in _OF_GPU.items():
            columns = {key: names.gpu_column(gpu, column) for key, column in group.items()}
            yield f"GPU {gpu} {name}", columns


def _any(samples: Table, group: Group) -> bool:
    return any(samples.has(column) for column in group.values())


def _chosen(samples: Table, group: Group, most: int) -> npt.NDArray[np.intp]:
    """Rows that keep the extremes of each series of the group."""
    each = max(4, most // len(group))
    rows = [thin(samples[column], each) for column in group.values() if samples.has(column)]
    return np.unique(np.concatenate(rows))
