"""Puts the profiler report together: `profiler-report.html`, and a JSON file for each rule.

Of a run that is damaged, or of which little was recorded, the page shows what there is and says
what is missing.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2.utils import htmlsafe_json_dumps

from imageclf.errors import ReportError
from imageclf.profiler import names
from imageclf.profiler import trace as tracing
from imageclf.profiler.report import (
    batch,
    bottlenecks,
    framework,
    gpu,
    job,
    machine,
    measured,
    operators,
    ranks,
    readers,
    standing,
    steps,
    usage,
    verdict,
    written,
)
from imageclf.profiler.report.given import Given, Judged, attempt, gather
from imageclf.profiler.report.job import Job
from imageclf.profiler.report.parts import Plot, Section, in_ms
from imageclf.profiler.run import Profile
from imageclf.report import figures
from imageclf.report.library import plotly
from imageclf.report.page import render, write_page

TRACE = "profiler-trace.json.gz"

_Making = Callable[[Given], Section]


def write_profiler_report(profile: Profile, judged: Judged, output: Path) -> Path:
    """Write the page on `profile`, and `profiler-reports/*.json`, into `output`; returns the page.

    Beside them lies the trace, `profiler-trace.json.gz`.

    Args:
        profile: refreshed.
        judged: each rule with how its evaluation stands, in the order of the table.

    Raises:
        ReportError: the page cannot be written.
    """
    path = output / names.REPORT
    _make(output)
    given = gather(profile, judged)
    summed = job.of(given)
    standings = standing.of(given)
    told = verdict.of(given, summed, standings)
    sections = _sections(given, summed)
    trace = attempt(
        "The trace", lambda: tracing.write_trace(profile, output / TRACE), None, given.gaps
    )
    missing = measured.gaps(given, profile.ended)
    written.write_files(given, summed, " ".join(told.sentences), missing, output / names.REPORTS)
    html = _page(
        given,
        summed,
        told,
        sections=sections,
        standings=standings,
        gaps=missing,
        trace=trace.name if trace else "",
    )
    write_page(path, html)
    return path


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(
            f"{folder} cannot be made ({error.strerror}); give a folder that can be written to."
        ) from error


def _page(given: Given, summed: Job, told: verdict.Verdict, **shown: Any) -> str:
    library = plotly()
    plots = [plot for section in shown["sections"] for plot in section.plots]
    drawn = [*([told.roofline] if told.roofline else []), *plots]
    return render(
        "profiler.html",
        scripts=("profiler.js.html",),
        allowed=(library.digest,),
        title=_title(given),
        started=summed.start,
        verdict=told,
        facts=_facts(summed),
        by_rule=_by_rule(shown["standings"]),
        measured=measured.pairs(given),
        library=library.packed,
        figures=_embedded(drawn),
        **shown,
    )


def _sections(given: Given, summed: Job) -> list[Section]:
    """In the order of the managed service's report, then what only this one has."""
    makers: tuple[tuple[str, str, _Making], ...] = (
        ("job", "Job summary", lambda one: job.section(one, summed)),
        ("system", "System usage", usage.section),
        ("framework", "Framework metrics", lambda one: framework.section(one, summed)),
        ("operators", "Most expensive operators", operators.section),
        ("rules", "Rules", lambda _one: Section("rules", "Rules")),
        ("steps", "Step durations", steps.section),
        ("gpu-utilization", "GPU utilisation", gpu.utilization),
        ("batch-size", "Batch size", batch.section),
        ("cpu-bottlenecks", "CPU bottlenecks", bottlenecks.cpu),
        ("io-bottlenecks", "I/O bottlenecks", bottlenecks.io),
        ("load-balancing", "Load balancing", gpu.balance),
        ("gpu-memory", "GPU memory", gpu.memory),
        ("cores", "Processor cores", machine.cores),
        ("readers", "Readers of pictures", readers.section),
        ("memory", "Memory", machine.memory),
        ("throttling", "Throttling", machine.throttling),
        ("processes", "Processes side by side", ranks.section),
    )
    return [_section(given, *each) for each in makers]


def _section(given: Given, anchor: str, heading: str, make: _Making) -> Section:
    gap = Section(anchor, heading, gap="This section could not be made; see the end of the page.")
    return attempt(f"The figures of “{heading}”", lambda: make(given), gap, given.gaps)


def _title(given: Given) -> str:
    architecture = given.facts.get("architecture")
    if not architecture:
        return "Where the time of the training went"
    device = given.facts.get("device_name") or given.facts.get("device")
    return f"{architecture} on {device}" if device else str(architecture)


def _facts(summed: Job) -> list[tuple[str, str]]:
    known = [
        ("time", figures.duration(summed.duration_s), summed.duration_s),
        ("training steps", f"{summed.steps:,}", summed.steps or math.nan),
        ("a step (median)", in_ms(summed.step_ms), summed.step_ms),
        ("images a second", figures.number(summed.images_per_s, 3), summed.images_per_s),
        ("CPU", figures.percent(summed.cpu_percent / 100, 0), summed.cpu_percent),
        ("GPU", figures.percent(summed.gpu_percent / 100, 0), summed.gpu_percent),
        ("cost", verdict.money(summed.cost), summed.cost),
    ]
    return [(name, text) for name, text, value in known if math.isfinite(value)]


def _by_rule(standings: list[standing.Standing]) -> dict[str, list[standing.Standing]]:
    found: dict[str, list[standing.Standing]] = {}
    for one in standings:
        found.setdefault(one.rule, []).append(one)
    return found


def _embedded(plots: list[Plot]) -> Any:
    """The figures as JSON that no text within can end early."""
    content = {plot.name: plot.figure for plot in plots}
    return htmlsafe_json_dumps(
        content, dumps=lambda value: json.dumps(value, allow_nan=False, separators=(",", ":"))
    )
