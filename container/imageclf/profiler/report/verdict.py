"""What a reader of one minute needs: what limits the training, and what change would pay."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imageclf.profiler.advice.values import Advised, Prediction, Roofline
from imageclf.profiler.report import drawing, parts
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.drawing import Line
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.job import Job
from imageclf.profiler.report.parts import Bar, Grid, Plot, Share
from imageclf.profiler.report.standing import Standing
from imageclf.report import figures

NOTABLE = 0.05
"""A loss below this share of a step is not what limits it."""

_SHADES = {"data": 2, "copies": 4, "launches": 7, "memory": 6, "hook": 5}
_WORDS = {
    "data": "waiting for pictures",
    "copies": "copying to the device",
    "launches": "calling operators",
    "memory": "moving bytes",
    "hook": "debugger's hook",
}


_PLAIN = {"data", "copies"}
"""Losses of which their sentence says no more than their name."""


@dataclass(frozen=True)
class Verdict:
    """The head of the page; `pays` are the changes worth making, with what they bring."""

    sentences: tuple[str, ...]
    losses: Bar | None
    elsewhere: tuple[str, ...]
    pays: tuple[dict[str, str], ...]
    predictions: Grid | None
    roofline: Plot | None
    roofline_said: str


def of(given: Given, job: Job, standings: Sequence[Standing]) -> Verdict:
    """The verdict on a run."""
    advised = given.advised
    return Verdict(
        tuple(sentences(given, job, standings)),
        _losses(advised),
        tuple(one.said for one in advised.losses if one.of != "step" and one.share >= NOTABLE),
        tuple(_paying(one, advised) for one in advised.predictions if one.pays),
        _predictions(advised),
        _roofline(advised.roofline) if advised.roofline else None,
        advised.roofline.said if advised.roofline else "",
    )


def sentences(given: Given, job: Job, standings: Sequence[Standing]) -> list[str]:
    """What limits the training, and what to change: at most two sentences."""
    advised = given.advised
    if not given.training:
        return [_without_steps(given)]
    losses = [one for one in advised.losses if one.share >= NOTABLE]
    paying = [one for one in advised.predictions if one.pays]
    told = [losses[0].said if losses else _nothing_lost(advised, job)]
    if paying:
        return [*told, _best(paying[0], advised)]
    spoken = [one.name for one in standings if one.triggered]
    if spoken:
        return [*told, f"Rules that found something: {figures.listing(spoken)}."]
    if advised.predictions:
        return [*told, "No change that can be predicted would save much."]
    return told


def _without_steps(given: Given) -> str:
    if given.whole.system:
        return "No training step was recorded, so the page shows only how the machine was used."
    return "Nothing was recorded of this run."


def _nothing_lost(advised: Advised, job: Job) -> str:
    if advised.losses or advised.roofline:
        return "No loss stands out: the step is spent on computing."
    return f"A training step takes {parts.in_ms(job.step_ms)}."


def _best(one: Prediction, advised: Advised) -> str:
    total_s = _now_s(advised)
    becomes = (
        f", {figures.duration(one.run_s)} instead of {figures.duration(total_s)}" if total_s else ""
    )
    return (
        f"Setting {one.change} would save about {figures.percent(one.saved_share, 0)} of the "
        f"training's time{becomes}."
    )


def _now_s(advised: Advised) -> float | None:
    value = advised.facts.get("run_s")
    return float(value) if isinstance(value, int | float) else None


def _losses(advised: Advised) -> Bar | None:
    of_step = [one for one in advised.losses if one.of == "step"]
    if not of_step:
        return None
    lost = sum(one.share for one in of_step)
    scale = 1 / lost if lost > 1 else 1.0
    shares = [Share("computing", max(0.0, 1 - lost), 1)]
    shares += [
        Share(
            _WORDS.get(one.name, one.name),
            one.share * scale,
            _SHADES.get(one.name, 8),
            one.said if one.share >= NOTABLE and one.name not in _PLAIN else "",
        )
        for one in of_step
    ]
    return Bar("What a training step is spent on", tuple(one for one in shares if one.share > 0))


def _paying(one: Prediction, advised: Advised) -> dict[str, str]:
    now_s = _now_s(advised)
    saved_s = now_s - one.run_s if now_s is not None else None
    return {
        "change": one.change,
        "said": one.said,
        "basis": one.basis,
        "saved": figures.percent(one.saved_share, 0),
        "time": figures.duration(saved_s) if saved_s is not None else "",
        "money": _saved_money(one, advised),
        "error": figures.percent(one.error, 0) if one.error is not None else "",
    }


def _saved_money(one: Prediction, advised: Advised) -> str:
    now = advised.facts.get("run_cost")
    if one.run_cost is None or not isinstance(now, int | float):
        return ""
    return money(float(now) - one.run_cost)


def money(dollars: float) -> str:
    """`$1.24`; of less than ten cents more digits."""
    return f"${dollars:,.2f}" if abs(dollars) >= 0.1 else f"${dollars:.4f}"


def _predictions(advised: Advised) -> Grid | None:
    if not advised.predictions:
        return None
    with_cost = any(one.run_cost is not None for one in advised.predictions)
    rows = [
        (
            parts.text(one.change),
            parts.milliseconds(one.step_ms),
            parts.seconds(one.run_s),
            parts.percent(100 * one.saved_share),
            *((_cost(one.run_cost),) if with_cost else ()),
            parts.text(one.said),
            parts.text(one.basis),
        )
        for one in advised.predictions
    ]
    cost = ("cost",) if with_cost else ()
    heads = (
        "change",
        "step",
        "training loop",
        "saved",
        *cost,
        "what it brings",
        "how it is predicted",
    )
    return parts.grid("Everything that was predicted", heads, rows)


def _cost(dollars: float | None) -> parts.Cell:
    return parts.Cell(figures.MISSING if dollars is None else money(dollars), dollars)


def _roofline(one: Roofline) -> Plot:
    """Arithmetic rate over operations a byte: what the machine can do, and what the step does."""
    intensity = one.step_gflop / one.step_gb
    ridge = one.peak_gflops / one.bandwidth_gb_s
    low, high = min(intensity, ridge) / 8, max(intensity, ridge) * 8
    at = np.asarray([low, ridge, high])
    roof = np.minimum(one.peak_gflops, at * one.bandwidth_gb_s)
    point = np.asarray([intensity]), np.asarray([one.achieved_gflops])
    drawn = [Line("limit of the machine", at, roof, 7), Line("this step", *point, 1, dots=True)]
    rows = [
        (
            parts.text("peak arithmetic"),
            parts.text(f"{figures.number(one.peak_gflops, 3)} GFLOP/s"),
        ),
        (parts.text("bandwidth"), parts.text(f"{figures.number(one.bandwidth_gb_s, 3)} GB/s")),
        (
            parts.text("operations of a step"),
            parts.text(f"{figures.number(one.step_gflop, 3)} GFLOP"),
        ),
        (parts.text("bytes of a step"), parts.text(f"{figures.number(one.step_gb, 3)} GB")),
        (parts.text("reached"), parts.text(f"{figures.number(one.achieved_gflops, 3)} GFLOP/s")),
        (parts.text("step, at least"), parts.milliseconds(one.limit_ms)),
        (parts.text("step, measured"), parts.milliseconds(one.step_ms)),
    ]
    return Plot(
        "roofline",
        "How far the step is from the limit of the machine",
        drawing.lines(
            drawn,
            Scale("operations a byte", (low, high), log=True),
            Scale("GFLOP/s", unit=" GFLOP/s", log=True),
        ),
        caption=one.said,
        grid=parts.grid("Roofline", ("what", "figure"), rows),
    )
