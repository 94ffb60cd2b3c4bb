"""How the machines were used: percentiles of each resource, for each node."""

import math
from collections.abc import Iterator

from imageclf.profiler import names
from imageclf.profiler.percentiles import Percentiles, percentiles
from imageclf.profiler.recorded import Table
from imageclf.profiler.report import parts
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.gpu import NOT_SAMPLED
from imageclf.profiler.report.parts import Cell, Section

RESOURCES = (
    (names.CPU, "CPU", "%"),
    (names.MEMORY, "CPU memory", "%"),
    (names.IO_WAIT, "I/O wait", "%"),
    (names.DISK_READ, "disk read", "MiB/s"),
    (names.DISK_WRITE, "disk write", "MiB/s"),
    (names.NET_IN, "network in", "MiB/s"),
    (names.NET_OUT, "network out", "MiB/s"),
)
GPU_RESOURCES = (
    (names.GPU_UTILIZATION, "", "%"),
    (names.GPU_MEMORY, " memory", "%"),
    ("power_w", " power", "W"),
    ("temperature_c", " temperature", "°C"),
)

HEADS = ("max", "p99", "p95", "p50", "min")


def of(given: Given) -> dict[str, dict[str, tuple[str, Percentiles]]]:
    """Unit and percentiles of each resource that was measured, for each node."""
    return {host: dict(_of_node(table)) for host, table in given.whole.system.items()}


def section(given: Given) -> Section:
    """The table of all nodes."""
    rows = [
        (parts.text(host), Cell(name), *_cells(found, unit))
        for host, resources in of(given).items()
        for name, (unit, found) in resources.items()
    ]
    if not rows:
        return Section("system", "System usage", gap=NOT_SAMPLED)
    table = parts.grid("Use of each node", ("node", "resource", *HEADS), rows)
    return Section("system", "System usage", (), (table,), rules=("OverallSystemUsage",))


def _of_node(table: Table) -> Iterator[tuple[str, tuple[str, Percentiles]]]:
    for column, name, unit in RESOURCES[:1]:
        yield name, (unit, percentiles(table[column]))
    for gpu in table.gpus:
        for column, name, unit in GPU_RESOURCES:
            full = names.gpu_column(gpu, column)
            if table.has(full):
                yield f"GPU {gpu}{name}", (unit, percentiles(table[full]))
    for column, name, unit in RESOURCES[1:]:
        if table.has(column):
            yield name, (unit, percentiles(table[column]))


def _cells(found: Percentiles, unit: str) -> Iterator[Cell]:
    for name in HEADS:
        value = getattr(found, name)
        if unit == "%":
            yield parts.percent(value, 0 if value >= 10 else 1)
        else:
            cell = parts.number(value)
            yield Cell(
                f"{cell.text}\N{NO-BREAK SPACE}{unit}" if math.isfinite(value) else cell.text, value
            )
