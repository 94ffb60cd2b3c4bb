"""How long steps took: their course, their histogram, and the ones that stand out."""

from collections.abc import Mapping

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.percentiles import percentiles
from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.report import drawing, parts, phases, series
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.drawing import Line
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.parts import Grid, Plot, Section

LISTED = 20
"""So many of the longest steps are listed."""

BINS = 60
MOST_LINES = 8

_LONG_TAIL = 8.0
"""Where the longest step takes so many times the usual one, the histogram is logarithmic."""


def section(given: Given) -> Section:
    """Course, histogram and outliers of the training steps, and the course of evaluation."""
    if not given.training:
        gap = "No training step was recorded."
        return Section("steps", "Step durations", gap=gap, rules=("StepOutlier",))
    stddev = given.parameter("StepOutlier", "stddev", 3)
    took = np.concatenate([table[names.TOOK] for table in given.training.values()])
    known = took[np.isfinite(took)]
    if not len(known):
        return Section("steps", "Step durations", gap="No training step was timed.")
    limit = outlier_limit(known, stddev)
    plots = [_course(given, limit, stddev), _histogram(known, limit)]
    if given.evaluation:
        plots.append(_evaluation(given))
    outliers = _outliers(given.training, limit)
    return Section(
        "steps",
        "Step durations",
        (_told(known, limit, stddev),),
        (*plots, *((outliers,) if outliers else ())),
        rules=("StepOutlier",),
    )


def outlier_limit(took_ms: Floats, stddev: float) -> float:
    """Mean and `stddev` standard deviations: beyond it a step stands out, as StepOutlier counts."""
    return float(took_ms.mean() + stddev * took_ms.std())


def _told(known: Floats, limit: float, stddev: float) -> str:
    beyond = int((known > limit).sum())
    share = float(known[known > limit].sum() / known.sum()) if known.sum() else 0.0
    usual = f"Half of {len(known):,} training steps took {parts.in_ms(float(np.median(known)))}"
    if not beyond:
        return f"{usual} or less, and none stands out."
    verb = "stands" if beyond == 1 else "stand"
    return (
        f"{usual} or less; {beyond:,} {verb} out by more than {stddev:g} standard deviations "
        f"(above {parts.in_ms(limit)}), with {100 * share:.1f} % of the time."
    )


def _course(given: Given, limit: float, stddev: float) -> Plot:
    unit = given.unit
    drawn = [
        Line(
            "training step" if len(given.training) == 1 else worker,
            table.at_s / unit.seconds,
            table[names.TOOK],
            order,
            notes=table[names.STEP],
            note="step",
            shape="hv",
        )
        for order, (worker, table) in enumerate(list(given.training.items())[:MOST_LINES])
    ]
    rows = [
        (parts.text(worker), parts.count(len(table)), *_figures(table[names.TOOK]))
        for worker, table in [*given.training.items(), *_named(given.evaluation)]
    ]
    return Plot(
        "step-durations",
        "How long each training step took",
        drawing.lines(
            drawn,
            given.time,
            Scale("ms", unit=" ms"),
            [(limit, f"{stddev:g} standard deviations")],
        ),
        caption=_thinned(given.training),
        grid=parts.grid(
            "Step durations", ("process", "steps", "max", "p99", "p95", "p50", "min"), rows
        ),
        is_wide=True,
    )


def _named(tables: Mapping[str, Table]) -> list[tuple[str, Table]]:
    return [(f"{worker}, evaluation", table) for worker, table in tables.items()]


def _figures(values: Floats) -> tuple[parts.Cell, ...]:
    found = percentiles(values)
    wanted = (found.max, found.p99, found.p95, found.p50, found.min)
    return tuple(map(parts.milliseconds, wanted))


def _thinned(tables: Mapping[str, Table]) -> str:
    longest = max(map(len, tables.values()))
    more = len(tables) - MOST_LINES
    processes = f" The first {MOST_LINES} of {len(tables)} processes." if more > 0 else ""
    if longest <= 2000:
        return f"Every step is drawn.{processes}"
    return f"Of {longest:,} steps, the longest and shortest of each stretch are drawn.{processes}"


def _histogram(known: Floats, limit: float) -> Plot:
    low, high = float(known.min()), float(known.max())
    log = low > 0 and high > _LONG_TAIL * float(np.median(known))
    edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
    if high <= low:
        edges = np.linspace(low - 0.5, low + 0.5, 2)
    usual, _ = np.histogram(known[known <= limit], edges)
    beyond, _ = np.histogram(known[known > limit], edges)
    series = [("usual", usual, "--c1"), ("outliers", beyond, "--c2")]
    rows = [
        (parts.text("usual"), parts.count(int(usual.sum()))),
        (parts.text(f"longer than {parts.in_ms(limit)}"), parts.count(int(beyond.sum()))),
    ]
    return Plot(
        "step-histogram",
        "Histogram of the training steps",
        drawing.histogram(
            edges,
            [one for one in series if one[1].any()],
            Scale("ms", (low, high) if log else None, "ms", log),
            Scale("steps", log=bool(usual.max(initial=0) > 100)),
        ),
        caption="The count is logarithmic, so that few long steps can be seen."
        if usual.max(initial=0) > 100
        else "",
        grid=parts.grid("Steps by duration", ("duration", "steps"), rows),
    )


def _evaluation(given: Given) -> Plot:
    unit = given.unit
    drawn = [
        Line(
            "evaluation step" if len(given.evaluation) == 1 else worker,
            table.at_s / unit.seconds,
            table[names.TOOK],
            order + 3,
            notes=table[names.STEP],
            note="step",
        )
        for order, (worker, table) in enumerate(list(given.evaluation.items())[:MOST_LINES])
    ]
    figure = drawing.lines(drawn, given.time, Scale("ms", unit=" ms"))
    grid = series.summed("Evaluation steps", drawn, "ms")
    return Plot("evaluation-steps", "How long each evaluation step took", figure, grid=grid)


def _outliers(tables: Mapping[str, Table], limit: float) -> Grid | None:
    found = []
    for worker, table in tables.items():
        took = table[names.TOOK]
        for row in np.flatnonzero(took > limit):
            found.append((float(took[row]), worker, table, int(row)))
    found.sort(key=lambda one: -one[0])
    rows = [
        (
            parts.count(table[names.STEP][row]),
            parts.text(worker),
            parts.seconds(float(table.at_s[row])),
            parts.milliseconds(took_ms),
            parts.text(_longest_phase(table, row)),
        )
        for took_ms, worker, table, row in found[:LISTED]
    ]
    if not rows:
        return None
    heading = "The steps that stand out" if len(found) <= LISTED else "The longest steps"
    return parts.grid(heading, ("step", "process", "began at", "took", "longest phase"), rows)


def _longest_phase(table: Table, row: int) -> str:
    times = {name: table[names.host_column(name)][row] for name in names.PHASES}
    known = {name: value for name, value in times.items() if np.isfinite(value)}
    if not known:
        return ""
    name = max(known, key=lambda one: known[one])
    return f"{phases.WORDS[name]}, {parts.in_ms(float(known[name]))}"
