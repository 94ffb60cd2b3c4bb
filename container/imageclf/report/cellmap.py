"""Shaded cells, a row for each layer and a column for each step, as wide as there is room.

The cells are one SVG that stretches; the names of rows and the steps are text of the page beside
it, which keeps its size on a phone. Shades are classes of the style sheet. A matrix of more rows or
columns than can be told apart is pooled: of cells that fall together the most unusual is drawn.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from imageclf.report.figures import MISSING, Matrix
from imageclf.report.pooling import Marks, thinned, unusual
from imageclf.report.row_names import RowName, row_names
from imageclf.report.shades import NOT_FINITE, NOT_SAVED, ZERO, Levels, Scale, levels_of, log_scale

MAX_ROWS = 120
MAX_COLUMNS = 100

ROW_PX = ((24, 20), (48, 14), (80, 9), (MAX_ROWS, 6))
"""Up to so many rows, each is so high."""


@dataclass(frozen=True)
class CellMap:
    """A map ready to be written by the macro `cell_map`.

    `drawn` is the number of rows, each `row_px` pixels high. `ticks` are places (shares of the
    width) with their texts; `key` explains the shades.
    """

    drawing: Markup
    rows: list[RowName]
    drawn: int
    row_px: int
    ticks: list[tuple[float, str]]
    low: str
    high: str
    key: list[tuple[str, str]]
    name_length: int


def cell_map(
    title: str,
    names: Sequence[str],
    steps: Sequence[int],
    values: Matrix,
    *,
    marked: Collection[tuple[str, int]] = (),
    scale: Scale | None = None,
) -> CellMap:
    """The map of `values` [names, steps]: NaN is a cell without a value, infinity one to fear.

    `values` has a row and a column at least. `marked` are pairs of name and step that get an
    outline. Without `scale` it is logarithmic over the positive values.
    """
    scale = scale or log_scale(values)
    by_step = thinned(
        values,
        unusual(values, scale.share(values)),
        _marks(names, steps, marked),
        MAX_COLUMNS,
    )
    by_row = thinned(by_step.values.T, by_step.distance.T, by_step.marks.T, MAX_ROWS)
    rows, outlined = by_row.parts, by_row.marks.T
    levels = levels_of(by_row.values.T, scale)
    row_px = next(px for most, px in ROW_PX if len(rows) <= most)
    shown = row_names(names, rows, [bool(row.any()) for row in outlined], row_px)
    return CellMap(
        _drawing(title, levels, outlined, _tellings(names, steps, values, rows, scale)),
        shown,
        len(rows),
        row_px,
        _ticks(steps, by_step.parts),
        *scale.ends,
        _key(levels, bool(outlined.any())),
        max((len(row.short) for row in shown), default=0),
    )


def _marks(
    names: Sequence[str], steps: Sequence[int], marked: Collection[tuple[str, int]]
) -> Marks:
    row_of = {name: row for row, name in enumerate(names)}
    column_of = {step: column for column, step in enumerate(steps)}
    marks = np.zeros((len(names), len(steps)), dtype=bool)
    for name, step in marked:
        if name in row_of and step in column_of:
            marks[row_of[name], column_of[step]] = True
    return marks


def _drawing(
    title: str,
    levels: Levels,
    outlined: Marks,
    tellings: Sequence[str],
) -> Markup:
    """Each level is one path of horizontal strokes, one unit thick."""
    height, width = levels.shape
    paths = [
        Markup('<path class="level-{}" d="{}"/>').format(level, _strokes(levels == level))
        for level in range(1, ZERO + 1)
        if (levels == level).any()
    ]
    titles = [
        Markup('<rect y="{}" width="{}" height="1"><title>{}</title></rect>').format(y, width, text)
        for y, text in enumerate(tellings)
    ]
    return Markup(
        '<svg class="cells" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" '
        'aria-label="{}"><g transform="translate(0 .5)">{}</g>'
        '<path class="outline" d="{}"/>{}</svg>'
    ).format(
        width, height, title, Markup("").join(paths), _outline(outlined), Markup("").join(titles)
    )


def _outline(marks: Marks) -> str:
    """The border around marked cells; neighbours have none between them."""
    padded = np.pad(marks, 1)
    across = padded[:-1, 1:-1] ^ padded[1:, 1:-1]
    down = (padded[1:-1, :-1] ^ padded[1:-1, 1:]).T
    return _strokes(across) + "".join(f"M{x} {y}v{run}" for y, x, run in _runs(down))


def _strokes(here: Marks) -> str:
    return "".join(f"M{x} {y}h{run}" for x, y, run in _runs(here))


def _runs(here: Marks) -> list[tuple[int, int, int]]:
    """Column, row and length of each horizontal run of true cells."""
    edges = np.diff(np.pad(here.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    return [(int(x), int(y), int(end - x)) for (y, x), (_, end) in zip(starts, ends, strict=True)]


def _tellings(
    names: Sequence[str],
    steps: Sequence[int],
    values: Matrix,
    rows: Sequence[slice],
    scale: Scale,
) -> list[str]:
    """For each drawn row, its range and where its ends lie."""
    return [
        "; ".join(
            _telling(names[row], steps, values[row], scale)
            for row in range(group.start, group.stop)
        )
        for group in rows
    ]


def _telling(name: str, steps: Sequence[int], values: Matrix, scale: Scale) -> str:
    finite = np.flatnonzero(np.isfinite(values))
    bad = int(np.isinf(values).sum())
    faults = f", {bad} not finite" if bad else ""
    if not finite.size:
        return f"{name}: {MISSING}{faults}"
    low = finite[np.argmin(values[finite])]
    high = finite[np.argmax(values[finite])]
    return (
        f"{name}: least {scale.text(float(values[low]))} at step {steps[low]}, "
        f"most {scale.text(float(values[high]))} at step {steps[high]}{faults}"
    )


def _ticks(
    steps: Sequence[int], columns: Sequence[slice], wanted: int = 6
) -> list[tuple[float, str]]:
    stride = max(1, math.ceil(len(columns) / wanted))
    return [
        (index / len(columns), f"{steps[columns[index].start]:,}")
        for index in range(0, len(columns), stride)
    ]


def _key(levels: Levels, outlined: bool) -> list[tuple[str, str]]:
    """What beside the shades is seen on the map: class and text."""
    known = [
        (f"level-{ZERO}", "zero", ZERO in levels),
        (f"level-{NOT_FINITE}", "NaN or infinite", NOT_FINITE in levels),
        ("missing", "not saved", NOT_SAVED in levels),
        ("outlined", "found here", outlined),
    ]
    return [(kind, text) for kind, text, there in known if there]
