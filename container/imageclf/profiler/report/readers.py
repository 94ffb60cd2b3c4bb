"""Reading pictures: how long batches took to read and decode, and who waited for them."""

import math

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.report import drawing, parts, series
from imageclf.profiler.report.axes import Scale
from imageclf.profiler.report.drawing import Line
from imageclf.profiler.report.given import Given
from imageclf.profiler.report.parts import Cell, Grid, Plot, Section
from imageclf.profiler.report.thinning import Values

RULES = ("Dataloader", "LoaderStarvesModel")


def section(given: Given) -> Section:
    """Times of reading, each reading process, and the waits of the training for its batches."""
    anchor, heading = "readers", "Readers of pictures"
    tables = {name: table for name, table in given.whole.reads.items() if len(table)}
    pieces = [*_waits(given)]
    if tables:
        joined = _joined(list(tables.values()))
        pieces += [_course(given, joined), _histogram(joined)]
    if not pieces:
        gap = "Neither the reading of batches nor the waits for them were recorded."
        return Section(anchor, heading, gap=gap, rules=RULES)
    grids: tuple[Grid, ...] = (_workers(tables),) if tables else ()
    return Section(anchor, heading, tuple(_told(given)), (*pieces, *grids), rules=RULES)


def _told(given: Given) -> list[str]:
    workers, cores = given.facts.get("workers"), given.facts.get("cores")
    if not isinstance(workers, int) or not isinstance(cores, int):
        return []
    plural = "process reads" if workers == 1 else "processes read"
    how = f"{workers} {plural}" if workers else "The training process itself reads"
    return [f"{how} for each training process, on a machine of {cores} cores."]


def _waits(given: Given) -> list[Plot]:
    """The wait for the batch of each training step."""
    column = names.host_column(names.DATA)
    drawn = [
        Line(
            "wait" if len(given.training) == 1 else worker,
            table.at_s / given.unit.seconds,
            table[column],
            order + 1,
            notes=table[names.STEP],
            note="step",
            shape="hv",
        )
        for order, (worker, table) in enumerate(list(given.training.items())[:8])
        if table.has(column)
    ]
    if not drawn:
        return []
    figure = drawing.lines(drawn, given.time, Scale("ms", unit=" ms"))
    caption = "A loader that keeps up leaves next to nothing to wait for."
    grid = series.summed("Waits for a batch", drawn, "ms")
    return [Plot("data-waits", "How long each step waited for its batch", figure, caption, grid)]


def _joined(tables: list[Table]) -> Table:
    """The reads of all processes, in the order of their times."""
    at_s = np.concatenate([table.at_s for table in tables])
    order = np.argsort(at_s, kind="stable")
    columns = {
        name: np.concatenate([table[name] for table in tables])[order]
        for name in names.READ_COLUMNS
    }
    return Table(at_s[order], columns)


def _course(given: Given, reads: Table) -> Plot:
    at = reads.at_s / given.unit.seconds
    drawn = [
        Line("whole batch", at, reads[names.TOOK], 0),
        Line("reading files", at, _alone(reads, names.FETCH), 1),
        Line("decoding", at, _alone(reads, names.DECODE), 2),
    ]
    known = [one for one in drawn if np.isfinite(one.values).any()]
    return Plot(
        "reads",
        "How long each batch took to read",
        drawing.lines(known, given.time, Scale("ms", unit=" ms")),
        caption="Reading and decoding are sums over the pictures of a batch, of each thread.",
        grid=parts.grid(
            "Reading of a batch",
            ("what", "mean", "p50", "p95", "max"),
            [(parts.text(one.name), *_times(one.values)) for one in known],
        ),
    )


def _alone(reads: Table, column: str) -> Floats:
    """Milliseconds for each thread; the threads work at the same time."""
    threads: Floats = np.maximum(np.nan_to_num(reads[names.THREADS], nan=1.0), 1.0)
    alone: Floats = reads[column] / threads
    return alone


def _histogram(reads: Table) -> Plot:
    images = np.maximum(np.nan_to_num(reads[names.IMAGES], nan=1.0), 1.0)
    each = reads[names.TOOK] / images
    known = each[np.isfinite(each)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, 41)
    counts, _ = np.histogram(known, edges)
    figure = drawing.histogram(
        edges, [("batches", counts, "--c1")], Scale("ms a picture", unit="ms"), Scale("batches")
    )
    line = Line("a picture", reads.at_s, each)
    grid = series.summed("Time that a picture takes to read", [line], "ms")
    return Plot("read-histogram", "Time that a picture takes to read", figure, grid=grid)


def _workers(tables: dict[str, Table]) -> Grid:
    """Each reading process: batches, pictures, time."""
    rows = []
    for name, table in tables.items():
        for worker in np.unique(table[names.WORKER][np.isfinite(table[names.WORKER])]):
            own = table.where(table[names.WORKER] == worker)
            rows.append((parts.text(name), _reader(float(worker)), *_reading(own)))
    heads = ("process", "reader", "batches", "pictures", "a batch", "pictures a second")
    return parts.grid("Who read", heads, rows[:64])


def _reader(number: float) -> Cell:
    return parts.text("itself" if number < 0 else f"reader {number:.0f}")


def _reading(table: Table) -> tuple[Cell, ...]:
    took_s = float(np.nansum(table[names.TOOK])) / 1000
    images = float(np.nansum(table[names.IMAGES]))
    return (
        parts.count(len(table)),
        parts.count(images),
        parts.milliseconds(1000 * took_s / len(table)),
        parts.number(images / took_s if took_s > 0 else math.nan),
    )


def _times(values: Values) -> tuple[Cell, ...]:
    known = values[np.isfinite(values)]
    figures = (known.mean(), *np.percentile(known, (50, 95)), known.max())
    return tuple(parts.milliseconds(float(one)) for one in figures)
