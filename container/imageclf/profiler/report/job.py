"""The job as a whole: when it began and ended, and what it did in the meantime."""

import math
from dataclasses import dataclass

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.report import parts, phases
from imageclf.profiler.report.given import Given, ends_s, moment
from imageclf.profiler.report.parts import Bar, Grid, Section, Share
from imageclf.profiler.report.phases import Phase


@dataclass(frozen=True)
class Job:
    """A run in a few figures; NaN where nothing is known. Percentages are 0 to 100.

    Args:
        step_ms: median of the training steps.
        images_per_s: of all processes together, while they train.
        cost: in dollars, of all hosts; NaN where no price is known.
    """

    start: str
    end: str
    duration_s: float
    initialisation_s: float
    loop_s: float
    finalisation_s: float
    steps: int
    step_ms: float
    images_per_s: float
    cpu_percent: float
    gpu_percent: float
    cost: float
    phases: tuple[Phase, ...]


def of(given: Given) -> Job:
    """The job that was recorded."""
    began, ended = _loop(given)
    tables = list(given.training.values())
    duration_s = given.end_s if given.end_s > 0 else math.nan
    return Job(
        moment(given.began_wall_s),
        moment(given.began_wall_s + given.end_s) if given.began_wall_s else "",
        duration_s,
        began,
        ended - began,
        max(duration_s - ended, 0.0) if math.isfinite(ended) else math.nan,
        sum(map(len, tables)),
        _median([table[names.TOOK] for table in tables]),
        sum(map(_rate, tables)) if tables else math.nan,
        _mean([table[names.CPU] for table in given.whole.system.values()]),
        _mean(
            [
                given.whole.system[host][names.gpu_column(gpu, names.GPU_UTILIZATION)]
                for host, gpu in given.gpus
            ]
        ),
        _cost(given, duration_s),
        phases.of(tables),
    )


def section(given: Given, job: Job) -> Section:
    """Start, end, duration, and the three parts of the job."""
    if not math.isfinite(job.duration_s):
        return Section("job", "Job summary", gap="Nothing was recorded of this job.")
    stretches = (
        ("initialisation", job.initialisation_s, 5),
        ("training loop", job.loop_s, 1),
        ("finalisation", job.finalisation_s, 8),
    )
    shares = tuple(
        Share(name, seconds / job.duration_s, shade)
        for name, seconds, shade in stretches
        if seconds > 0
    )
    table = parts.grid(
        "The parts of the job",
        ("part", "time", "of the job"),
        [
            (
                parts.text(name),
                parts.seconds(seconds),
                parts.percent(100 * seconds / job.duration_s, 1),
            )
            for name, seconds, _ in stretches
        ],
    )
    told = f"From {job.start} to {job.end}." if job.start else ""
    bar = (Bar("The job from its beginning to its end", shares),) if shares else ()
    return Section(
        "job",
        "Job summary",
        tuple(filter(None, [told])),
        (*bar, table, *_details(given)),
        rules=("MaxInitializationTime",),
    )


def _details(given: Given) -> tuple[Grid, ...]:
    """The spans within initialisation and finalisation, where there are some."""
    whole = {names.INITIALISATION, names.TRAINING_LOOP, names.FINALISATION}
    first = next(iter(given.workers), "")
    totals: dict[str, list[float]] = {}
    for span in given.whole.spans:
        if span.worker == first and span.name not in whole:
            totals.setdefault(span.name, []).append(span.took_s)
    rows = [
        (parts.text(name), parts.count(len(took)), parts.seconds(sum(took)))
        for name, took in sorted(totals.items(), key=lambda item: -sum(item[1]))
    ]
    return (
        (parts.grid("What it did beside the steps", ("what", "times", "time"), rows[:30]),)
        if rows
        else ()
    )


def _loop(given: Given) -> tuple[float, float]:
    """When the training loop began and ended: by its span, else by the steps."""
    spans = given.spans(names.TRAINING_LOOP)
    if spans:
        return spans[0].at_s, spans[-1].at_s + spans[-1].took_s
    tables = [table for table in given.whole.steps.values() if len(table)]
    if not tables:
        return math.nan, math.nan
    return (
        min(float(table.at_s[0]) for table in tables),
        max(float(ends_s(table).max()) for table in tables),
    )


def _rate(table: Table) -> float:
    took_s = float(np.nansum(table[names.TOOK])) / 1000
    return float(np.nansum(table[names.IMAGES])) / took_s if took_s > 0 else 0.0


def _cost(given: Given, duration_s: float) -> float:
    price = given.facts.get("dollars_an_hour")
    if not isinstance(price, int | float) or not 0 <= price < math.inf:
        return math.nan
    return float(price) * max(1, len(given.whole.system)) * duration_s / 3600


def _joined(columns: list[Floats]) -> Floats:
    return np.concatenate(columns) if columns else np.empty(0)


def _median(columns: list[Floats]) -> float:
    known = _known(columns)
    return float(np.median(known)) if len(known) else math.nan


def _mean(columns: list[Floats]) -> float:
    known = _known(columns)
    return float(known.mean()) if len(known) else math.nan


def _known(columns: list[Floats]) -> Floats:
    joined = _joined(columns)
    known: Floats = joined[np.isfinite(joined)]
    return known
