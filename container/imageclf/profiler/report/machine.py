"""What the processors did: each core, the memory, and what the platform kept from them."""

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.percentiles import percentiles
from imageclf.profiler.recorded import Table
from imageclf.profiler.report import drawing, parts, series, thinning
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.gpu import NOT_SAMPLED, PERCENT
from imageclf.profiler.report.parts import Plot, Section
from imageclf.profiler.report.thinning import Values

MOST_NODES = 4
PARTS = 240
"""A map of cores has so many columns, each the mean of its time."""


def cores(given: Given) -> Section:
    """How busy each core was."""
    anchor, heading, rules = "cores", "Processor cores", ("CoresIdle",)
    hosts = {host: table for host, table in given.whole.system.items() if table.has(names.CPU)}
    if not hosts:
        return Section(anchor, heading, gap=NOT_SAMPLED, rules=rules)
    plots = [
        _map(given, host, table, order)
        for order, (host, table) in enumerate(hosts.items())
        if table.cores
    ]
    more = len(plots) - MOST_NODES
    told = [f"The first {MOST_NODES} of {len(plots)} nodes are drawn."] if more > 0 else []
    course = Plot(
        "cpu-course",
        "Mean of the cores",
        drawing.lines(series.of_hosts(given, names.CPU, "CPU"), given.time, PERCENT),
        grid=parts.grid(
            "Use of the processors",
            ("node", "cores", *series.HEADS),
            [
                (parts.text(host), parts.count(len(table.cores)), *series.cells(table[names.CPU]))
                for host, table in hosts.items()
            ],
        ),
    )
    own = _own(given)
    return Section(anchor, heading, tuple(told), (*plots[:MOST_NODES], course, *own), rules=rules)


def memory(given: Given) -> Section:
    """How full the memory was, and what the training's processes held of it."""
    anchor, heading, rules = "memory", "Memory", ("MemoryGrowth",)
    share = series.of_hosts(given, names.MEMORY, "memory")
    if not share:
        return Section(anchor, heading, gap=NOT_SAMPLED, rules=rules)
    plots = [
        Plot(
            "memory-share",
            "Memory of each node in use",
            drawing.lines(share, given.time, PERCENT),
            grid=parts.grid(
                "Memory in use",
                ("node", *series.HEADS),
                [
                    (parts.text(host), *series.cells(table[names.MEMORY]))
                    for host, table in given.whole.system.items()
                ],
            ),
        )
    ]
    own = series.of_hosts(given, names.OWN_MEMORY_MIB, "own memory")
    if own:
        figure = drawing.lines(own, given.time, Scale("MiB", unit=" MiB"))
        caption = "Of the training process and those that read for it."
        grid = series.summed("Memory of the training", own, "MiB")
        plots.append(Plot("memory-own", "Memory of the training", figure, caption, grid))
    return Section(anchor, heading, (), tuple(plots), rules=rules)


def throttling(given: Given) -> Section:
    """How much of the time the container was kept from its cores."""
    anchor, heading, rules = "throttling", "Throttling", ("Throttling",)
    lines = series.of_hosts(given, names.THROTTLED, "throttled")
    if not lines:
        gap = "The platform does not say whether the container was kept from its cores."
        return Section(anchor, heading, gap=gap, rules=rules)
    worst = max(float(np.nanmax(one.values)) for one in lines)
    if worst <= 0:
        gap = "The container was never kept from its cores."
        return Section(anchor, heading, gap=gap, rules=rules)
    figure = drawing.lines(lines, given.time, PERCENT)
    rows = [(parts.text(one.name), *series.cells(one.values)) for one in lines]
    plot = Plot(
        "throttling-course",
        "Share of the time in which the container was kept from its cores",
        figure,
        grid=parts.grid("Throttled", ("node", *series.HEADS), rows),
    )
    return Section(anchor, heading, (), (plot,), rules=rules)


def _map(given: Given, host: str, table: Table, order: int) -> Plot:
    edges_s, columns = _buckets(table)
    middles = (edges_s[1:] + edges_s[:-1]) / 2 / given.unit.seconds
    several = len(given.whole.system) > 1
    figure = drawing.heat(
        middles,
        [f"core {core}" for core in table.cores],
        columns,
        given.time,
    )
    rows = []
    for core in table.cores:
        found = percentiles(table[names.core_column(core)])
        rows.append(
            (parts.text(f"core {core}"), *map(parts.percent, (found.max, found.p50, found.min)))
        )
    return Plot(
        f"core-map-{order}",
        f"How busy each core {f'of {host} ' if several else ''}was",
        figure,
        grid=parts.grid("Use of each core", ("core", "max", "p50", "min"), rows),
        height=int(min(560, 110 + 16 * max(4, len(table.cores)))),
        is_wide=True,
    )


def _buckets(table: Table) -> tuple[Values, Values]:
    """Edges of the times, and the mean of each core between them [cores, times]."""
    count = max(1, min(PARTS, len(table)))
    edges_s = np.linspace(float(table.at_s[0]), float(table.at_s[-1]) + 1e-6, count + 1)
    rows = [
        thinning.means(table.at_s, table[names.core_column(core)], edges_s) for core in table.cores
    ]
    return edges_s, np.stack(rows)


def _own(given: Given) -> list[Plot]:
    lines = series.of_hosts(given, names.OWN_CPU, "own processes")
    if not lines:
        return []
    figure = drawing.lines(lines, given.time, Scale("% of one core", unit=" %"))
    caption = "100 % is one core; the training process and those that read for it."
    grid = series.summed("Processor time of the training", lines, "% of a core")
    return [Plot("own-cpu", "Processor time of the training", figure, caption, grid)]
