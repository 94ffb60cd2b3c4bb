"""The short report: `output/data/report.html`, one page on training, debugger and profiler.

It says what matters without the long pages, to which it points where they lie beside it.
"""

import math
from pathlib import Path
from typing import Any

from imageclf.report import figures, files, found, headline, profiled
from imageclf.report.files import Run
from imageclf.report.page import render, write_page
from imageclf.report.training import accuracy_curve, links, write_training_report

REPORT = "report.html"

TOLD = 6
"""So many rules that spoke are told with their advice; the rest by their names."""

SMALLEST_PART = 0.005
"""A part of the step below this share is not drawn."""


def write_reports(output_data: Path) -> Path:
    """Make `training-report.html` and `report.html` of what a run left; returns the latter's path.

    Files other than `summary.json` may be absent; the pages say so.

    Raises:
        ReportError: `summary.json` is absent or damaged, or a page cannot be written.
    """
    run = files.read_run(output_data)
    write_training_report(output_data)
    path = output_data / REPORT
    write_page(path, render("joint.html", **_content(run, output_data)))
    return path


def _content(run: Run, output_data: Path) -> dict[str, Any]:
    debugger = found.spoken(run.summary.rules, output_data / found.FINDINGS)
    profiler = found.spoken(run.summary.profiler_rules, output_data / found.PROFILER_FINDINGS)
    return {
        "summary": run.summary,
        "title": headline.title(run),
        "facts": headline.facts(run),
        "meaning": headline.meaning(run),
        "curve": accuracy_curve(run),
        "confusions": _confusions(run),
        "debugger": {
            "verdict": headline.rules("debugger", run.summary.rules),
            "told": debugger[:TOLD],
            "more": [one.rule for one in debugger[TOLD:]],
        },
        "profiler": {
            "verdict": headline.rules("profiler", run.summary.profiler_rules),
            "told": profiler[:TOLD],
            "more": [one.rule for one in profiler[TOLD:]],
        },
        "time": _time(output_data),
        "links": {"training": files.TRAINING_REPORT, **links(output_data)},
    }


def _confusions(run: Run) -> str:
    """The most frequent confusions in a sentence; empty where nothing is known of them."""
    if run.evaluation is None or not run.evaluation.confusion:
        return ""
    names = [one.name for one in run.evaluation.per_class]
    worst = figures.frequent_confusions(run.evaluation.confusion, names, 3)
    if not worst:
        return f"Every one of the {run.evaluation.split} images was classified right."
    told = [
        f"{one.label} taken for {one.predicted} ({one.count} image{'s' if one.count > 1 else ''}, "
        f"{figures.percent(one.share, 0)} of the class)"
        for one in worst
    ]
    return f"Most often confused: {figures.listing(told)}."


def _time(output_data: Path) -> dict[str, Any] | None:
    """Where the time went; None when nobody measured it."""
    known = profiled.read(output_data)
    if known is None:
        return None
    measured, advised = known
    parts = [one for one in measured.phases if one.share >= SMALLEST_PART]
    return {
        "verdict": measured.verdict,
        "facts": _facts(measured),
        "parts": parts,
        "losses": [one for one in advised.losses if one.share >= SMALLEST_PART],
        "advice": [one for one in advised.predictions if one.pays],
    }


def _facts(measured: profiled.Measured) -> list[tuple[str, str]]:
    told = [
        ("a training step", _milliseconds(measured.step_ms)),
        ("images a second", figures.number(measured.images_per_s, 3)),
        ("CPU", figures.percent(measured.cpu_percent / 100, 0)),
        ("GPU", figures.percent(measured.gpu_percent / 100, 0)),
        ("cost", f"${measured.cost:,.2f}"),
    ]
    numbers = (
        measured.step_ms,
        measured.images_per_s,
        measured.cpu_percent,
        measured.gpu_percent,
        measured.cost,
    )
    return [fact for fact, value in zip(told, numbers, strict=True) if math.isfinite(value)]


def _milliseconds(value: float) -> str:
    return f"{figures.number(value, 3)}\N{NO-BREAK SPACE}ms"
