"""Processes that train together: whether one is slower than the others."""

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.report import drawing, parts, series
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.parts import Plot, Section

RULES = ("SlowRank",)

MOST_BOXES = 32


def section(given: Given) -> Section:
    """Boxes of what each process worked in a step, without the waits for its batch."""
    anchor, heading = "processes", "Processes side by side"
    if len(given.training) < 2:
        gap = "One process trained, so there is nothing to compare."
        return Section(anchor, heading, gap=gap, rules=RULES)
    busy = {worker: busy_ms(table) for worker, table in given.training.items()}
    found = [series.box(worker, values) for worker, values in list(busy.items())[:MOST_BOXES]]
    boxes = [one for one in found if one is not None]
    rows = [_row(worker, table, busy[worker]) for worker, table in given.training.items()]
    plot = Plot(
        "rank-boxes",
        "How long each process worked in a step",
        drawing.boxes([("step", boxes, "--c1")], Scale("ms")),
        caption="Without the wait for the batch; processes that wait for a slower one do so in the "
        "backward pass.",
        grid=parts.grid(
            "Training steps of each process",
            ("process", "steps", "step", "wait for data", "forward", "backward", "without waits"),
            rows,
        ),
    )
    return Section(anchor, heading, (), (plot,), rules=RULES)


def busy_ms(table: Table) -> Floats:
    """What a step took without the wait for its batch."""
    busy: Floats = table[names.TOOK] - np.nan_to_num(table[names.host_column(names.DATA)])
    return busy


def _row(worker: str, table: Table, busy: Floats) -> tuple[parts.Cell, ...]:
    columns = (names.TOOK, *map(names.host_column, (names.DATA, names.FORWARD, names.BACKWARD)))
    times = [_mean(table[column]) for column in columns]
    return (
        parts.text(worker),
        parts.count(len(table)),
        *map(parts.milliseconds, [*times, _mean(busy)]),
    )


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
