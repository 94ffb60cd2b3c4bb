"""Lines of what was sampled of the machines and their GPUs, named as short as they can be."""

from collections.abc import Sequence

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.percentiles import percentiles
from imageclf.profiler.report import parts
from imageclf.profiler.report.drawing import Box, Line
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.parts import Grid
from imageclf.profiler.report.thinning import Values

MOST_LINES = 8

HEADS = ("max", "p99", "p95", "p50", "p5", "min")


def of_hosts(given: Given, column: str, label: str = "", first_shade: int = 0) -> list[Line]:
    """A column of each host that has it; `label` stands for the only host, or before its name."""
    hosts = [(host, table) for host, table in given.whole.system.items() if table.has(column)]
    several = len(given.whole.system) > 1
    return [
        Line(
            f"{label} {host}".strip() if several else (label or host),
            table.at_s / given.unit.seconds,
            table[column],
            first_shade + order,
        )
        for order, (host, table) in enumerate(hosts[:MOST_LINES])
    ]


def of_gpus(given: Given, column: str) -> list[Line]:
    """A column of each GPU, of the busiest and the idlest when there are many."""
    lines = []
    for order, (host, gpu) in enumerate(given.gpus):
        table = given.whole.system[host]
        values = table[names.gpu_column(gpu, column)]
        lines.append(
            Line(gpu_name(given, host, gpu), table.at_s / given.unit.seconds, values, order)
        )
    if len(lines) <= MOST_LINES:
        return lines
    ranked = sorted(lines, key=lambda one: _mean(one.values))
    kept = {id(one) for one in [*ranked[: MOST_LINES // 2], *ranked[-MOST_LINES // 2 :]]}
    return [one for one in lines if id(one) in kept]


def _mean(values: Values) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def gpu_name(given: Given, host: str, gpu: int) -> str:
    """`GPU 0`, with its host where there are several."""
    return f"{host} GPU {gpu}" if len(given.whole.system) > 1 else f"GPU {gpu}"


def gpu_table(given: Given, column: str, heading: str) -> Grid:
    """Percentiles of a column, per cent, for each GPU."""
    rows = []
    for host, gpu in given.gpus:
        values = given.whole.system[host][names.gpu_column(gpu, column)]
        rows.append((parts.text(gpu_name(given, host, gpu)), *cells(values)))
    return parts.grid(heading, ("GPU", *HEADS), rows)


def summed(heading: str, lines: Sequence[Line], unit: str) -> Grid:
    """Percentiles of each line, for who sees no plot."""
    rows = []
    for line in lines:
        found = percentiles(line.values)
        figures = (found.max, found.p99, found.p95, found.p50, found.min)
        rows.append((parts.text(line.name), *map(parts.number, figures)))
    heads = ("what", *(f"{name}, {unit}" for name in ("max", "p99", "p95", "p50", "min")))
    return parts.grid(heading, heads, rows)


def cells(values: Values) -> tuple[parts.Cell, ...]:
    """Six percentiles of a series in per cent."""
    found = percentiles(values)
    known = values[np.isfinite(values)]
    p5 = float(np.percentile(known, 5)) if len(known) else np.nan
    return tuple(map(parts.percent, (found.max, found.p99, found.p95, found.p50, p5, found.min)))


def box(name: str, values: Values) -> Box | None:
    """The box of a series; None when nothing is known of it."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    p5, p25, p50, p75, p95 = np.percentile(known, (5, 25, 50, 75, 95)).tolist()
    return Box(name, p5, p25, p50, p75, p95)
