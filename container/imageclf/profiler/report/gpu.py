"""What the GPUs did: how busy they were, how evenly, and how full their memory was."""

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.report import drawing, parts, series
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.parts import Grid, Plot, Section

NO_GPU = "There was no GPU, so there is nothing to show."
NOT_SAMPLED = "The machines were not sampled."

PERCENT = Scale("%", (0, 103), unit=" %")

BINS = 20
MOST_BOXES = 16


def utilization(given: Given) -> Section:
    """How busy each GPU was."""
    anchor, heading, rules = "gpu-utilization", "GPU utilisation", ("LowGPUUtilization",)
    if not given.gpus:
        return Section(anchor, heading, gap=_absent(given), rules=rules)
    level = given.parameter("LowGPUUtilization", "threshold_p95", 70)
    course = Plot(
        "gpu-utilization-course",
        "How busy each GPU was",
        drawing.lines(
            series.of_gpus(given, names.GPU_UTILIZATION),
            given.time,
            PERCENT,
            [(level, f"p95 below {level:g} % is low")],
        ),
        caption=_caption(given),
        grid=series.gpu_table(given, names.GPU_UTILIZATION, "Utilisation of each GPU"),
        is_wide=True,
    )
    return Section(anchor, heading, (), (course, *_boxes(given), *_others(given)), rules=rules)


def balance(given: Given) -> Section:
    """How evenly the GPUs were used."""
    anchor, heading, rules = "load-balancing", "Load balancing", ("LoadBalancing",)
    if not given.gpus:
        return Section(anchor, heading, gap=_absent(given), rules=rules)
    if len(given.gpus) == 1:
        gap = "There was one GPU, so there is nothing to balance."
        return Section(anchor, heading, gap=gap, rules=rules)
    edges = np.linspace(0, 100, BINS + 1)
    shares = []
    for line in series.of_gpus(given, names.GPU_UTILIZATION):
        counts, _ = np.histogram(line.values[np.isfinite(line.values)], edges)
        shares.append((line.name, 100 * counts / max(1, counts.sum())))
    figure = drawing.overlaid(
        edges, shares, Scale("utilisation, %"), Scale("% of the time", unit=" %")
    )
    histogram = Plot(
        "gpu-histograms",
        "How often each GPU was how busy",
        figure,
        caption="GPUs that share the work evenly have lines that lie on each other.",
        grid=series.gpu_table(given, names.GPU_UTILIZATION, "Utilisation of each GPU"),
    )
    return Section(anchor, heading, (), (histogram, *_distances(given)), rules=rules)


def memory(given: Given) -> Section:
    """How full the memory of each GPU was."""
    anchor, heading, rules = "gpu-memory", "GPU memory", ("GPUMemoryIncrease",)
    if not given.gpus:
        return Section(anchor, heading, gap=_absent(given), rules=rules)
    course = Plot(
        "gpu-memory-course",
        "Memory of each GPU",
        drawing.lines(series.of_gpus(given, names.GPU_MEMORY), given.time, PERCENT),
        caption=_caption(given),
        grid=series.gpu_table(given, names.GPU_MEMORY, "Memory of each GPU"),
        is_wide=True,
    )
    return Section(anchor, heading, (), (course,), rules=rules)


def _absent(given: Given) -> str:
    return NO_GPU if given.whole.system else NOT_SAMPLED


def _boxes(given: Given) -> list[Plot]:
    """A box for each GPU, over all that was sampled."""
    found = [
        series.box(
            series.gpu_name(given, host, gpu),
            given.whole.system[host][names.gpu_column(gpu, names.GPU_UTILIZATION)],
        )
        for host, gpu in given.gpus[:MOST_BOXES]
    ]
    figure = drawing.boxes([("GPU", [one for one in found if one], "--c1")], PERCENT)
    caption = "The middle half of the samples, and whiskers at the 5th and 95th percentile."
    grid = series.gpu_table(given, names.GPU_UTILIZATION, "Utilisation of each GPU")
    return [Plot("gpu-boxes", "Utilisation of each GPU as a box", figure, caption, grid)]


def _distances(given: Given) -> list[Grid]:
    """How far the histograms of any two GPUs lie apart, as the rule measured it."""
    found = given.figures("LoadBalancing").get("distances")
    tables = []
    for host, rows in found.items() if isinstance(found, dict) else ():
        gpus = given.whole.system[host].gpus if host in given.whole.system else []
        if len(gpus) == len(rows) and 1 < len(gpus) <= MOST_BOXES:
            heading = f"Distances of histograms on {host}: 0 is alike, 1 has nothing in common"
            heads = ("GPU", *map(str, gpus))
            cells = [
                (parts.text(gpu), *map(parts.number, row))
                for gpu, row in zip(gpus, rows, strict=True)
            ]
            tables.append(parts.grid(heading, heads, cells))
    return tables


def _others(given: Given) -> list[Plot]:
    """Power, temperature and clock, as far as they were measured."""
    wanted = (
        ("power_w", "gpu-power", "Power", "W"),
        ("temperature_c", "gpu-temperature", "Temperature", "°C"),
        ("sm_clock_mhz", "gpu-clock", "Clock of the multiprocessors", "MHz"),
    )
    found = []
    for column, name, heading, unit in wanted:
        lines = [one for one in series.of_gpus(given, column) if np.isfinite(one.values).any()]
        if lines:
            scale = Scale(unit, unit=f" {unit}")
            figure = drawing.lines(lines, given.time, scale)
            grid = series.summed(heading, lines, unit)
            found.append(Plot(name, heading, figure, grid=grid, height=220))
    return found


def _caption(given: Given) -> str:
    if len(given.gpus) <= series.MOST_LINES:
        return ""
    return (
        f"Of {len(given.gpus)} GPUs the {series.MOST_LINES} are drawn that were busiest or idlest; "
        "the table has all."
    )
