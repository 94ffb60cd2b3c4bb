"""Samples of the machines: `system/incremental/HOUR/MINUTE.HOST.json`, a reading in each line.

A line tells one figure of one core, GPU or machine. The service reads them one after the other, so
that those of one look lie some milliseconds apart; a look ends where a figure comes again.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.managed import reading

FOLDER = "system/incremental"

_MIB = float(1 << 20)
_CORE, _GPU = re.compile(r"cpu\d{1,4}"), re.compile(r"gpu\d{1,3}")
_LATEST_S = 1e11

_WHOLE: Mapping[tuple[str, str], tuple[str, float]] = {
    ("memory", "MemoryUsedPercent"): (names.MEMORY, 1.0),
    ("i/o", "ReadThroughputInBytesPerSecond"): (names.DISK_READ, 1 / _MIB),
    ("i/o", "WriteThroughputInBytesPerSecond"): (names.DISK_WRITE, 1 / _MIB),
    ("network", "ReceiveBytesPerSecond"): (names.NET_IN, 1 / _MIB),
    ("network", "TransmitBytesPerSecond"): (names.NET_OUT, 1 / _MIB),
}
"""Columns of figures that a machine has once, and what makes their unit of the service's."""

_OF_GPU = {"GPUUtilization": names.GPU_UTILIZATION, "GPUMemoryUtilization": names.GPU_MEMORY}
_IO_WAIT = "I/OWaitPercentage"


class Reading(NamedTuple):
    """One figure; `at_s` is Unix time."""

    host: str
    at_s: float
    column: str
    value: float


@dataclass(frozen=True)
class Samples:
    """The samples of one host: `rows` [N, columns], their Unix times [N] in nanoseconds."""

    columns: tuple[str, ...]
    at_ns: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float64]


def read(folder: Path) -> tuple[dict[str, Samples], int]:
    """The samples of each host in a profile of the service, and how many lines were left out."""
    readings: dict[str, list[Reading]] = {}
    left_out = 0
    for path in sorted((folder / FOLDER).rglob("*.json")):
        for line in reading.lines(path):
            try:
                one = _reading(line or {})
            except (ValueError, TypeError, KeyError):
                left_out += 1
                continue
            if one is not None:
                readings.setdefault(one.host, []).append(one)
    return {host: _samples(one) for host, one in readings.items()}, left_out


def _reading(line: Mapping[str, Any]) -> Reading | None:
    """None for a figure that nobody here looks at."""
    column, factor = _column(str(line["Type"]), str(line.get("Name", "")), str(line["Dimension"]))
    host, at_s = line["NodeId"], reading.number(line["Timestamp"])
    value = reading.number(line["Value"]) * factor
    if not reading.is_node(host) or not 0 < at_s < _LATEST_S:
        raise ValueError(line)
    return Reading(host, at_s, column, value) if column else None


def _column(kind: str, name: str, dimension: str) -> tuple[str, float]:
    """Our column and the factor to its unit; no column for what is not looked at."""
    if kind == "cpu" and _CORE.fullmatch(name):
        if dimension == _IO_WAIT:
            return f"{names.IO_WAIT} {name}", 1.0
        return (name, 1.0) if dimension == "CPUUtilization" else ("", 1.0)
    if kind == "gpu" and _GPU.fullmatch(name) and dimension in _OF_GPU:
        return names.gpu_column(int(name.removeprefix("gpu")), _OF_GPU[dimension]), 1.0
    if kind == "network" and dimension == "Platform":  # what the service itself moves
        return "", 1.0
    return _WHOLE.get((kind, name)) or _WHOLE.get((kind, dimension)) or ("", 1.0)


def _samples(readings: Iterable[Reading]) -> Samples:
    looks: list[tuple[float, dict[str, float]]] = []
    for one in sorted(readings, key=lambda one: one.at_s):
        if not looks or one.column in looks[-1][1]:
            looks.append((one.at_s, {}))
        looks[-1][1][one.column] = one.value
    columns = sorted({column for _, look in looks for column in look})
    rows = np.array([[look.get(column, np.nan) for column in columns] for _, look in looks])
    at_ns = np.array([round(at_s * 1e9) for at_s, _ in looks], np.int64)
    return _with_means(columns, at_ns, rows)


def _with_means(
    columns: list[str], at_ns: npt.NDArray[np.int64], rows: npt.NDArray[np.float64]
) -> Samples:
    """The cores' mean, and that of their waiting in place of each one's."""
    cores = [place for place, name in enumerate(columns) if _CORE.fullmatch(name)]
    waits = [place for place, name in enumerate(columns) if name.startswith(f"{names.IO_WAIT} ")]
    kept = [place for place in range(len(columns)) if place not in waits]
    made = [columns[place] for place in kept]
    parts = [rows[:, kept]]
    for name, places in ((names.CPU, cores), (names.IO_WAIT, waits)):
        if places:
            made.append(name)
            parts.append(_mean(rows[:, places]))
    return Samples(tuple(made), at_ns, np.concatenate(parts, axis=1))


def _mean(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean [N, 1] of what is known of each row; NaN where nothing is."""
    known = np.isfinite(rows)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, rows, 0.0).sum(axis=1, keepdims=True)
    mean = np.full(total.shape, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean
