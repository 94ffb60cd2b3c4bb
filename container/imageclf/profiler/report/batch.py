"""Whether the batch fills the machine: boxes of how busy each of its parts was in training."""

from imageclf.profiler import names
from imageclf.profiler.recorded import Table
from imageclf.profiler.report import drawing, parts, series
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.drawing import Box
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.gpu import NOT_SAMPLED
from imageclf.profiler.report.parts import Plot, Section

RULES = ("BatchSize", "TinyBatch")


def section(given: Given) -> Section:
    """Boxes of CPU, GPU and GPU memory for each node, while it trained."""
    anchor, heading = "batch-size", "Batch size"
    boxes = _boxes(given)
    if not boxes:
        return Section(anchor, heading, gap=NOT_SAMPLED, rules=RULES)
    level = given.parameter("BatchSize", "gpu_threshold_p95", 70)
    groups = [(host, found, f"--c{order % 8 + 1}") for order, (host, found) in enumerate(boxes)]
    rows = [
        (
            parts.text(host),
            parts.text(one.name),
            *map(parts.percent, (one.p5, one.p25, one.p50, one.p75, one.p95)),
        )
        for host, found in boxes
        for one in found
    ]
    plot = Plot(
        "batch-boxes",
        "How busy the parts of each node were while it trained",
        drawing.boxes(
            groups,
            Scale("%", (0, 103)),
            [(level, f"p95 below {level:g} %: room")] if given.gpus else [],
        ),
        caption="Boxes reach from the 25th to the 75th percentile, whiskers from the 5th to the "
        "95th.",
        grid=parts.grid(
            "Use while training",
            ("node", "resource", "p5", "p25", "p50", "p75", "p95"),
            rows,
        ),
    )
    return Section(anchor, heading, tuple(_told(given)), (plot,), rules=RULES)


def _told(given: Given) -> list[str]:
    size = given.facts.get("batch_size")
    if not isinstance(size, int):
        return []
    of_all = given.facts.get("global_batch_size")
    together = (
        f", {of_all} over all processes" if isinstance(of_all, int) and of_all != size else ""
    )
    return [f"Each step took a batch of {size} pictures{together}."]


def _boxes(given: Given) -> list[tuple[str, list[Box]]]:
    found = []
    for host, table in given.whole.system.items():
        during = _training(given, table)
        made = [series.box("CPU", during[names.CPU]), series.box("memory", during[names.MEMORY])]
        for gpu in during.gpus:
            for column, tail in ((names.GPU_UTILIZATION, ""), (names.GPU_MEMORY, " memory")):
                values = during[names.gpu_column(gpu, column)]
                made.append(series.box(f"GPU {gpu}{tail}", values))
        known = [one for one in made if one is not None]
        if known:
            found.append((host, known))
    return found


def _training(given: Given, table: Table) -> Table:
    """The samples from the first training step to the last; all when there were no steps."""
    tables = given.training.values()
    if not tables:
        return table
    begin_s = min(float(one.at_s[0]) for one in tables)
    end_s = max(float(one.at_s[-1]) for one in tables)
    during = table.between(begin_s, end_s)
    return during if len(during) else table
