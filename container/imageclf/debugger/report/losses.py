"""Loss curves with the step at which a rule found something, and the time between steps."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from imageclf.debugger.names import LOSSES
from imageclf.debugger.report.picture import Later, Picture, plot
from imageclf.debugger.report.reading import History, Reader
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.report import figures
from imageclf.report.plots import LOG_RATIO, Series, line_chart
from imageclf.rules.finding import Finding

NAMES = {Mode.EVAL: "validation", Mode.TRAIN: "training", Mode.GLOBAL: "loss"}
LOSS_NAME = r"[lL]oss"
"""Finds a loss where the run has no collection of losses."""


def loss_curves(reader: Reader, findings: Sequence[Finding]) -> Later:
    """Training and validation loss by step, the first finding marked; none without losses."""
    wishes = {
        mode: reader.ask(lambda step, mode=mode: _losses(step, mode), _loss)  # type: ignore[misc]
        for mode in NAMES
    }
    found_in = {finding.tensor for finding in findings}

    def draw() -> list[Picture]:
        series = [
            _series(NAMES[mode], _one_row(history, found_in))
            for mode, wish in wishes.items()
            if (history := wish.history()).names
        ]
        return _curves(series, findings)

    return draw


def time_between_steps(reader: Reader, findings: Sequence[Finding]) -> list[Picture]:
    """Seconds from each saved step to the next one."""
    steps = reader.all_steps
    gaps = [max(0.0, now.at_s - before.at_s) for before, now in pairwise(steps)]
    series = [Series("seconds", [float(step.number) for step in steps[1:]], gaps)]
    drawing = line_chart(
        "Seconds since the step before", series, x_label="step", scale="auto", mark=_mark(findings)
    )
    return [plot("Seconds since the saved step before", drawing)] if drawing else []


def _curves(given: Sequence[Series], findings: Sequence[Finding]) -> list[Picture]:
    series = _without_zeros(given)
    drawing = line_chart("Loss by step", series, x_label="step", scale="auto", mark=_mark(findings))
    names = tuple(one.name for one in series)
    return [plot("Loss by step", drawing, names, _notes(given))] if drawing else []


def _one_row(history: History, found_in: set[str]) -> History:
    """Of several losses that of the findings, else the first."""
    row = next((row for row, name in enumerate(history.names) if name in found_in), 0)
    return History((history.names[row],), history.steps, history.values[row : row + 1])


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


def _without_zeros(series: Sequence[Series]) -> list[Series]:
    """With zeros at the least positive value where decades are drawn, which have no zero."""
    positive = [y for one in series for _, y in one.finite() if y > 0]
    if not positive or max(positive) <= LOG_RATIO * min(positive):
        return list(series)
    least = min(positive)
    return [replace(one, y=[least if y == 0 else y for y in one.y]) for one in series]


def _notes(series: Sequence[Series]) -> str:
    """Sentences on losses that were not finite, which leave gaps in the lines."""
    return " ".join(_told(one) for one in series if not np.isfinite(one.y).all())


def _told(series: Series) -> str:
    steps = [x for x, y in zip(series.x, series.y, strict=True) if not np.isfinite(y)]
    if len(steps) == 1:
        return f"The {series.name} loss was not a finite number at step {steps[0]:.0f}."
    return (
        f"The {series.name} loss was not a finite number at {len(steps):,} saved steps, first at "
        f"{figures.number(steps[0], 7)}."
    )
