"""What the program did: training and evaluation, the phases of a step, reading."""

from collections.abc import Sequence

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.report import drawing, parts, phases, series, thinning
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.drawing import Line
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.job import Job
from imageclf.profiler.report.parts import Bar, Grid, Piece, Plot, Section, Share
from imageclf.profiler.report.phases import Phase

_LEAST = 0.0005
"""A smaller share of a step is in the table only."""

PARTS = 300
"""The course of the phases is drawn in so many parts, each the mean of its steps."""


def section(given: Given, job: Job) -> Section:
    """How the time divides, and the phases of the training step."""
    if not given.training and not given.evaluation:
        return Section("framework", "Framework metrics", gap="No step was recorded.")
    pieces: list[Piece] = [_modes(given, job)]
    if job.phases:
        pieces += [_bar(given, job), *_tables(given, job), _course(given)]
    return Section(
        "framework",
        "Framework metrics",
        tuple(_told(given, job)),
        tuple(pieces),
        rules=("OverallFrameworkMetrics", "LongCheckpoints"),
    )


def mode_times(given: Given, job: Job) -> list[tuple[str, float]]:
    """Seconds of the first process in training steps, evaluation steps, and the rest."""
    train_s = _first_s(given.training)
    eval_s = _first_s(given.evaluation)
    return [
        ("TRAIN", train_s),
        ("EVAL", eval_s),
        ("others", max(job.duration_s - train_s - eval_s, 0.0)),
    ]


def _modes(given: Given, job: Job) -> Bar:
    shades = (1, 3, 8)
    return Bar(
        "Training, evaluation and everything else",
        tuple(
            Share(name, seconds / job.duration_s, shade)
            for (name, seconds), shade in zip(mode_times(given, job), shades, strict=True)
            if seconds > 0
        ),
    )


def _first_s(tables: dict[str, Table]) -> float:
    for table in tables.values():
        return float(np.nansum(table[names.TOOK])) / 1000
    return 0.0


def _told(given: Given, job: Job) -> list[str]:
    by_name = {phase.name: phase for phase in job.phases}
    forward, backward = by_name.get(names.FORWARD), by_name.get(names.BACKWARD)
    told = []
    if forward and backward and forward.total_s:
        told.append(
            f"The backward pass takes {backward.total_s / forward.total_s:.1f} times as long as "
            "the forward pass."
        )
    if given.kernels and given.kernels.operators:
        cpu_ms = sum(one.self_ms for one in given.kernels.operators)
        gpu_ms = sum(one.device_self_ms for one in given.kernels.operators)
        on_gpu = f", and {parts.in_ms(gpu_ms)} on the GPU" if gpu_ms else ""
        told.append(
            f"In the traced windows, operators took {parts.in_ms(cpu_ms)} on the CPU{on_gpu}."
        )
    return told


def _bar(given: Given, job: Job) -> Bar:
    seen = ", as the GPU spends it" if phases.on_gpu(list(given.training.values())) else ""
    return Bar(
        f"The training step{seen}",
        tuple(
            Share(phase.word, phase.share, phase.shade)
            for phase in job.phases
            if phase.share >= _LEAST
        ),
    )


def _tables(given: Given, job: Job) -> list[Grid]:
    tables = list(given.training.values())
    if not phases.on_gpu(tables):
        return [_table("Phases of the training step", job.phases)]
    return [
        _table("Phases of the training step on the GPU", job.phases),
        _table("Phases of the training step in the process", phases.of_process(tables)),
    ]


def _table(heading: str, shown: Sequence[Phase]) -> Grid:
    heads = ("phase", "of the step", "mean", "p50", "p95", "max", "in all")
    rows = [
        (
            parts.text(phase.word),
            parts.percent(100 * phase.share, 1),
            *_times(phase.values_ms),
            parts.seconds(phase.total_s),
        )
        for phase in shown
    ]
    return parts.grid(heading, heads, rows)


def _times(values: Floats) -> tuple[parts.Cell, ...]:
    known = values[np.isfinite(values)]
    figures = (known.mean(), *np.percentile(known, (50, 95)), known.max())
    return tuple(parts.milliseconds(float(one)) for one in figures)


def _course(given: Given) -> Plot:
    """Mean time of each phase in the course of the run, of the first process."""
    table = next(iter(given.training.values()))
    count = max(2, min(PARTS, len(table) // 2))
    end_s = float(table.at_s[-1]) + 1e-6
    edges_s = np.linspace(float(table.at_s[0]), end_s, count + 1)
    middles = (edges_s[1:] + edges_s[:-1]) / 2
    columns = [
        (word, thinning.means(table.at_s, values, edges_s), f"--c{phases.SHADES[name]}")
        for name, word, values in phases.columns(table)
    ]
    known = np.isfinite(np.stack([values for _, values, _ in columns])).any(axis=0)
    told = [Line(word, middles, values) for word, values, _ in columns if np.nansum(values) > 0]
    drawn = [
        (word, values[known], colour) for word, values, colour in columns if np.nansum(values) > 0
    ]
    return Plot(
        "phases",
        "What a training step consists of, in the course of the run",
        drawing.stacked(
            middles[known] / given.unit.seconds,
            drawn,
            given.time,
            Scale("ms a step", unit=" ms"),
        ),
        caption="Means over stretches of the run; gaps between steps are left out.",
        grid=series.summed("Means of the phases over stretches of the run", told, "ms"),
        is_wide=True,
    )
