"""The most expensive operators of the windows that were traced, and what else the traces say."""

import re
from collections.abc import Sequence

from imageclf.profiler.kernels import Kernels, Operator
from imageclf.profiler.report import drawing, parts
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.drawing import Line
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.parts import Grid, Piece, Plot, Section

LISTED = 20

_HEADING = "Most expensive operators"


def section(given: Given) -> Section:
    """Operators by CPU and by GPU time, kernels, launches, synchronisations, copies, memory."""
    kernels = given.kernels
    if kernels is None:
        gap = "No window of steps was traced; profile=kernels does so."
        return Section("operators", _HEADING, gap=gap)
    pieces: list[Piece] = []
    if kernels.by_cpu:
        pieces.append(_operators("By CPU time", kernels.by_cpu))
    if kernels.by_gpu:
        pieces.append(_operators("By GPU time", kernels.by_gpu, on_gpu=True))
    pieces += [*_kernels(kernels), *_waits(kernels), *_copies(kernels), *_memory(kernels)]
    if not pieces:
        return Section("operators", _HEADING, gap="The traces hold no operator.")
    return Section("operators", _HEADING, tuple(_told(kernels)), tuple(pieces))


def _told(kernels: Kernels) -> list[str]:
    windows = [
        f"steps {one.first_step} to {one.first_step + one.steps - 1} of {one.worker}"
        for one in kernels.windows[:4]
    ]
    told = [f"Traced: {', '.join(windows)}, {parts.in_ms(kernels.took_ms)} in all."]
    if kernels.launches:
        launches = kernels.launches
        told.append(
            f"The GPU was idle for {100 * launches.idle_share:.0f} % of that; for "
            f"{100 * launches.gap_share:.0f} % because nothing had been launched yet "
            f"({launches.count:,} launches)."
        )
    return told


def _operators(heading: str, operators: Sequence[Operator], on_gpu: bool = False) -> Grid:
    rows = [
        (
            parts.text(_short(one.name)),
            parts.percent(100 * (one.device_share if on_gpu else one.share), 1),
            parts.count(one.calls),
            parts.milliseconds(one.device_self_ms if on_gpu else one.self_ms),
            parts.milliseconds(one.device_total_ms if on_gpu else one.total_ms),
        )
        for one in operators[:LISTED]
    ]
    return parts.grid(heading, ("operator", "of the window", "calls", "self", "total"), rows)


def _kernels(kernels: Kernels) -> list[Grid]:
    rows = [
        (
            parts.text(_short(one.name)),
            parts.percent(100 * one.share, 1),
            parts.count(one.calls),
            parts.milliseconds(one.total_ms),
            parts.number(one.mean_us),
        )
        for one in kernels.kernels[:LISTED]
    ]
    heads = ("kernel", "of the window", "calls", "in all", "mean, µs")
    return [parts.grid("Kernels on the GPU", heads, rows)] if rows else []


def _waits(kernels: Kernels) -> list[Grid]:
    rows = [
        (
            parts.text(_short(one.name)),
            parts.percent(100 * one.share, 1),
            parts.count(one.calls),
            parts.milliseconds(one.total_ms),
        )
        for one in kernels.synchronisations[:LISTED]
    ]
    heads = ("synchronisation", "of the window", "calls", "in all")
    return [parts.grid("Waits of the processor for the GPU", heads, rows)] if rows else []


def _copies(kernels: Kernels) -> list[Grid]:
    rows = [
        (
            parts.text(_short(one.kind)),
            parts.count(one.calls),
            parts.number(one.mib),
            parts.milliseconds(one.total_ms),
            parts.number(one.gib_s),
        )
        for one in kernels.copies[:LISTED]
    ]
    heads = ("copy", "calls", "MiB", "in all", "GiB/s")
    return [parts.grid("Copies", heads, rows)] if rows else []


def _memory(kernels: Kernels) -> list[Plot]:
    drawn = [
        Line(f"{one.worker} {one.device}", 1000 * one.t_s, one.allocated_mib, order)
        for order, one in enumerate(kernels.memory[:8])
        if len(one.t_s)
    ]
    if not drawn:
        return []
    figure = drawing.lines(drawn, Scale("time in the window, ms"), Scale("MiB", unit=" MiB"))
    rows = [
        (parts.text(f"{one.worker} {one.device}"), parts.number(one.peak_mib))
        for one in kernels.memory[:8]
    ]
    grid = parts.grid("Most memory allocated", ("process and device", "MiB"), rows)
    return [Plot("memory-timeline", "Memory allocated in the traced window", figure, grid=grid)]


def _short(name: str) -> str:
    """A name that fits a table; kernels of templates have names of a thousand letters."""
    plain = re.sub(r"\s+", " ", name)
    return plain if len(plain) <= 120 else f"{plain[:80]}…{plain[-39:]}"
