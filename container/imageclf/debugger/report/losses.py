"""Loss curves with the step at which a rule found something."""

from collections.abc import Sequence

import numpy as np

from imageclf.debugger.finding import Finding
from imageclf.debugger.names import LOSSES
from imageclf.debugger.report.picture import Picture, plot
from imageclf.debugger.report.reading import History, Reader
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.report import figures
from imageclf.report.plots import Series, line_chart

NAMES = {Mode.TRAIN: "training", Mode.EVAL: "validation"}
LOSS_NAME = r"[lL]oss"
"""Finds a loss where the run has no collection of losses."""


def loss_curves(reader: Reader, findings: Sequence[Finding]) -> list[Picture]:
    """Training and validation loss by step, the first finding marked; none without losses."""
    found_in = {finding.tensor for finding in findings}
    histories = {mode: _history(reader, mode, found_in) for mode in NAMES}
    series = [_series(NAMES[mode], one) for mode, one in histories.items() if one.names]
    drawing = line_chart("Loss by step", series, x_label="step", scale="auto", mark=_mark(findings))
    names = tuple(one.name for one in series)
    return [plot("Loss by step", drawing, names, _not_numbers(series))] if drawing else []


def _history(reader: Reader, mode: Mode, found_in: set[str]) -> History:
    """The losses of `mode`; of several that of the findings, else the first."""
    history = reader.history(lambda step: _losses(step, mode), _loss)
    if not history.names:
        return history
    rows = [row for row, name in enumerate(history.names) if name in found_in] or [0]
    return History((history.names[rows[0]],), history.steps, history.values[rows[:1]], history.of)


def _losses(step: SavedStep, mode: Mode) -> list[Saved]:
    if step.mode is not mode:
        return []
    return list(step.select(LOSSES)) or list(step.select(regex=LOSS_NAME))


def _loss(tensor: Saved) -> float | None:
    return tensor.statistic("mean")


def _series(name: str, history: History) -> Series:
    there = ~np.isnan(history.values[0])
    return Series(
        name,
        [float(step) for step in np.asarray(history.steps)[there]],
        [float(value) for value in history.values[0][there]],
    )


def _mark(findings: Sequence[Finding]) -> tuple[float, str] | None:
    return (float(findings[0].step), f"found at {findings[0].step}") if findings else None


def _not_numbers(series: Sequence[Series]) -> str:
    """A sentence on losses that were not finite, which leave gaps in the lines."""
    told = [_told(one) for one in series if not np.isfinite(one.y).all()]
    return " ".join(told)


def _told(series: Series) -> str:
    steps = [x for x, y in zip(series.x, series.y, strict=True) if not np.isfinite(y)]
    if len(steps) == 1:
        return f"The {series.name} loss was not a finite number at step {steps[0]:.0f}."
    return (
        f"The {series.name} loss was not a finite number at {len(steps):,} saved steps, first at "
        f"{figures.number(steps[0], 7)}."
    )
