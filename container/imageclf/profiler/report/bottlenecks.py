"""When the GPUs waited because the processors, or the disks, could do no more."""

from dataclasses import dataclass

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.report import drawing, parts, phases, series
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.drawing import Line
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.gpu import NOT_SAMPLED, PERCENT
from imageclf.profiler.report.parts import Bar, Plot, Section, Share

_SHADES = {"train": 1, "evaluation": 3, "between steps": 8}


@dataclass(frozen=True)
class _Bound:
    """A part of the machine that may be the bottleneck; thresholds in per cent."""

    anchor: str
    heading: str
    rule: str
    column: str
    word: str
    parameter: str
    threshold: float
    gpu_threshold: float
    more_rules: tuple[str, ...] = ()


_CPU = _Bound(
    "cpu-bottlenecks",
    "CPU bottlenecks",
    "CPUBottleneck",
    names.CPU,
    "CPU",
    "cpu_threshold",
    90,
    10,
)
_IO = _Bound(
    "io-bottlenecks",
    "I/O bottlenecks",
    "IOBottleneck",
    names.IO_WAIT,
    "I/O wait",
    "io_threshold",
    50,
    10,
    ("SlowDisk",),
)


def cpu(given: Given) -> Section:
    """Where the processors were full while GPUs were idle."""
    return _section(given, _CPU, [])


def io(given: Given) -> Section:
    """Where processes waited for disks while GPUs were idle; and what the disks did."""
    rates = [
        *series.of_hosts(given, names.DISK_READ, "disk read"),
        *series.of_hosts(given, names.DISK_WRITE, "disk write", 2),
        *series.of_hosts(given, names.NET_IN, "network in", 4),
        *series.of_hosts(given, names.NET_OUT, "network out", 6),
    ]
    plots = []
    if rates:
        time = given.time
        figure = drawing.lines(rates[: series.MOST_LINES], time, Scale("MiB/s", unit=" MiB/s"))
        grid = series.summed("What disks and networks moved", rates, "MiB/s")
        plots.append(
            Plot("rates", "What disks and networks moved", figure, grid=grid, is_wide=True)
        )
    return _section(given, _IO, plots)


def _section(given: Given, bound: _Bound, plots: list[Plot]) -> Section:
    anchor, heading, rules = bound.anchor, bound.heading, (bound.rule, *bound.more_rules)
    busy = series.of_hosts(given, bound.column, bound.word)
    if not busy:
        return Section(anchor, heading, gap=NOT_SAMPLED, rules=rules)
    threshold = given.parameter(bound.rule, bound.parameter, bound.threshold)
    told, stopped = _stopped(given, bound, threshold)
    first = Plot(
        f"{anchor}-course",
        f"{bound.word}{' and GPUs' if given.gpus else ''} in the course of the run",
        drawing.lines(
            [*busy, *_mean_gpu(given, len(busy)), *stopped],
            given.time,
            PERCENT,
            [(threshold, f"{threshold:g} %")],
        ),
        grid=parts.grid(
            f"{bound.word} of each node",
            ("node", *series.HEADS),
            [
                (parts.text(host), *series.cells(table[bound.column]))
                for host, table in given.whole.system.items()
            ],
        ),
        is_wide=True,
    )
    causes = _causes(given, bound) if stopped else []
    return Section(anchor, heading, (told,), (first, *causes, *plots), rules=rules)


def _causes(given: Given, bound: _Bound) -> list[Bar]:
    """What the training did while it was stopped, as the rule counted it."""
    details = given.figures(bound.rule).get("Details")
    found = details if isinstance(details, dict) else {}
    headings = {
        "modes": "What ran during the bottlenecks",
        "phases": "Phases of the steps during the bottlenecks",
    }
    bars = [_bar(heading, found.get(key)) for key, heading in headings.items()]
    return [bar for bar in bars if bar is not None]


def _bar(heading: str, counted: object) -> Bar | None:
    if not isinstance(counted, dict):
        return None
    numbers = {str(k): float(v) for k, v in counted.items() if isinstance(v, int | float) and v > 0}
    whole = sum(numbers.values())
    shares = tuple(
        Share(
            phases.WORDS.get(name, name), count / whole, {**phases.SHADES, **_SHADES}.get(name, 5)
        )
        for name, count in sorted(numbers.items(), key=lambda one: -one[1])
    )
    return Bar(heading, shares) if shares else None


def _mean_gpu(given: Given, shade: int) -> list[Line]:
    """The mean of the GPUs of each host that has some."""
    lines: list[Line] = []
    for host, table in given.whole.system.items():
        if table.gpus:
            name = f"GPUs {host}" if len(given.whole.system) > 1 else "GPUs"
            at = table.at_s / given.unit.seconds
            lines.append(Line(name, at, _gpus(table), shade + len(lines) + 1))
    return lines


def _gpus(table: Table) -> Floats:
    columns = [table[names.gpu_column(gpu, names.GPU_UTILIZATION)] for gpu in table.gpus]
    known = np.isfinite(columns)
    counts = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = np.where(known, columns, 0.0).sum(axis=0) / counts
    return mean


def _stopped(given: Given, bound: _Bound, threshold: float) -> tuple[str, list[Line]]:
    """When some GPU was idle and the part was full: a sentence, and dots."""
    if not given.gpus:
        return "Without a GPU nothing waits for this; the figures are for what they are.", []
    idle_below = given.parameter(bound.rule, "gpu_threshold", bound.gpu_threshold)
    dots, idle, both, samples = [], 0, 0, 0
    for host, table in given.whole.system.items():
        if not table.gpus:
            continue
        gpus = np.stack([table[names.gpu_column(gpu, names.GPU_UTILIZATION)] for gpu in table.gpus])
        low = (gpus < idle_below).any(axis=0)
        full = low & (table[bound.column] > threshold)
        idle, both, samples = idle + int(low.sum()), both + int(full.sum()), samples + len(table)
        if full.any():
            at = table.at_s[full] / given.unit.seconds
            dots.append(Line(f"bottleneck {host}", at, table[bound.column][full], 1, dots=True))
    if not samples:
        return "No sample holds both.", []
    return (
        f"A GPU was below {idle_below:g} % in {100 * idle / samples:.0f} % of the samples; in "
        f"{100 * both / samples:.0f} % of all samples the {bound.word} was above {threshold:g} % "
        "at the same time."
    ), dots
