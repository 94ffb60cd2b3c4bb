"""Figures for plotly.js as plain JSON: lines, histograms, boxes, bars, maps.

Colours are names of the page's CSS variables (`--c1`), which the page's script looks up, so that
one figure fits light and dark. Whatever comes from outside, names of hosts and operators, is
written so that plotly, which knows some HTML, shows it as it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from imageclf.profiler.report import thinning
from imageclf.profiler.report.axes import Scale, axis, level, named_level
from imageclf.profiler.report.thinning import Values

SHADES = 8
"""Colours for lines, `--c1` to `--c8`."""

LONGEST_NAME = 40

Figure = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One line; `at` rising [N], `values` [N]; `notes` [N] are shown on touch as `note` says.

    Args:
        fill: the ground below it is filled.
        dots: points instead of a line.
    """

    name: str
    at: Values
    values: Values
    shade: int = 1
    notes: Values | None = None
    note: str = ""
    fill: bool = False
    dots: bool = False
    shape: str = "linear"


def shade(number: int) -> str:
    """The colour of the `number`th thing from 0; they come again after `SHADES`."""
    return f"--c{number % SHADES + 1}"


def plain(name: str) -> str:
    """A name from outside as plotly shows it unchanged, shortened in its middle."""
    if len(name) > LONGEST_NAME:
        half = LONGEST_NAME // 2
        name = f"{name[: half - 1]}…{name[-half:]}"
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def rounded(values: Sequence[float] | Values, digits: int = 4) -> list[float | None]:
    """`digits` significant ones; None for what is not finite."""
    return [
        float(f"{value:.{digits}g}") if math.isfinite(value) else None
        for value in np.asarray(values, float).tolist()
    ]


def lines(
    drawn: Sequence[Line], x: Scale, y: Scale, levels: Sequence[tuple[float, str]] = ()
) -> Figure:
    """Lines over one axis, thinned; `levels` are lines across, each with its name."""
    return {
        "data": [_line(one, y) for one in drawn],
        "layout": {
            "xaxis": axis(x),
            "yaxis": {"rangemode": "tozero", **axis(y)},
            "hovermode": "closest" if any(one.dots for one in drawn) else "x unified",
            "showlegend": len(drawn) > 1,
            "shapes": [level(value) for value, _ in levels],
            "annotations": [named_level(value, name) for value, name in levels],
        },
    }


def stacked(at: Values, parts: Sequence[tuple[str, Values, str]], x: Scale, y: Scale) -> Figure:
    """Areas on top of each other: name, values at `at`, and colour of each."""
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": plain(name),
                "x": rounded(at, 6),
                "y": rounded(np.nan_to_num(values), 4),
                "stackgroup": "parts",
                "line": {"width": 0.5, "color": colour},
                "fillcolor": colour,
                "hovertemplate": f"%{{y:.3~f}} {y.unit}",
            }
            for name, values, colour in parts
        ],
        "layout": {"xaxis": axis(x), "yaxis": axis(y), "hovermode": "x unified"},
    }


def histogram(
    edges: Values, counts: Sequence[tuple[str, Values, str]], x: Scale, y: Scale
) -> Figure:
    """Bars between `edges` [bins + 1], those of several series on top of each other."""
    middles = np.sqrt(edges[1:] * edges[:-1]) if x.log else (edges[1:] + edges[:-1]) / 2
    spans = [f"{low:.4g} to {high:.4g} {x.unit}" for low, high in pairwise(edges)]
    return {
        "data": [
            {
                "type": "bar",
                "name": plain(name),
                "x": rounded(middles, 6),
                "y": values.tolist(),
                "width": rounded(np.diff(edges), 6),
                "customdata": spans,
                "marker": {"color": colour, "line": {"width": 0}},
                "hovertemplate": "%{customdata}: %{y:,}",
            }
            for name, values, colour in counts
        ],
        "layout": {
            "xaxis": axis(x),
            "yaxis": axis(y),
            "barmode": "stack",
            "bargap": 0,
            "showlegend": len(counts) > 1,
        },
    }


def overlaid(edges: Values, shares: Sequence[tuple[str, Values]], x: Scale, y: Scale) -> Figure:
    """Outlines of several histograms over the same `edges` [bins + 1]."""
    drawn = [
        Line(name, edges, np.append(values, values[-1:]), order, shape="hv")
        for order, (name, values) in enumerate(shares)
    ]
    return lines(drawn, x, y)


@dataclass(frozen=True)
class Box:
    """Five percentiles (5, 25, 50, 75, 95) of something."""

    name: str
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float


def boxes(
    groups: Sequence[tuple[str, Sequence[Box], str]],
    y: Scale,
    levels: Sequence[tuple[float, str]] = (),
) -> Figure:
    """Boxes from the 25th to the 75th percentile, whiskers at the 5th and 95th, by groups."""
    return {
        "data": [
            {
                "type": "box",
                "name": plain(name),
                "x": [plain(box.name) for box in group],
                "q1": rounded([box.p25 for box in group]),
                "median": rounded([box.p50 for box in group]),
                "q3": rounded([box.p75 for box in group]),
                "lowerfence": rounded([box.p5 for box in group]),
                "upperfence": rounded([box.p95 for box in group]),
                "line": {"color": colour, "width": 1.5},
                "fillcolor": "--faint",
            }
            for name, group, colour in groups
        ],
        "layout": {
            "yaxis": {"rangemode": "tozero", **axis(y)},
            "xaxis": {"type": "category", "automargin": True},
            "boxmode": "group",
            "showlegend": len(groups) > 1,
            "shapes": [level(value) for value, _ in levels],
            "annotations": [named_level(value, name) for value, name in levels],
        },
    }


def heat(at: Values, names: Sequence[str], table: Values, x: Scale) -> Figure:
    """A map of `table` [names, times] in per cent: a row for each name."""
    unit = "\N{NO-BREAK SPACE}%"
    return {
        "data": [
            {
                "type": "heatmap",
                "x": rounded(at, 6),
                "y": [plain(name) for name in names],
                "z": [rounded(row, 3) for row in table],
                "zmin": 0,
                "zmax": 100,
                "colorscale": [[part / 4, f"--heat-{part}"] for part in range(5)],
                "colorbar": {"thickness": 10, "outlinewidth": 0, "ticksuffix": unit},
                "hovertemplate": f"%{{y}} at %{{x:.1f}} {x.unit}: %{{z}}{unit}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": axis(x),
            "yaxis": {"autorange": "reversed", "type": "category", "automargin": True},
        },
    }


def _line(one: Line, y: Scale) -> Figure:
    at, values = (
        (one.at, one.values)
        if one.notes is not None or one.dots
        else thinning.with_gaps(one.at, one.values)
    )
    kept = thinning.thin(values)
    trace: Figure = {
        "type": "scatter",
        "mode": "markers" if one.dots else "lines",
        "name": plain(one.name),
        "x": rounded(at[kept], 7),
        "y": rounded(values[kept]),
        "line": {"color": shade(one.shade), "width": 1.3, "shape": one.shape},
        "marker": {"color": shade(one.shade), "size": 6},
        "hovertemplate": f"%{{y:.4~g}}{y.unit}",
    }
    if one.fill:
        trace |= {"fill": "tozeroy"}
    if one.notes is not None:
        trace["customdata"] = rounded(one.notes[kept], 9)
        trace["hovertemplate"] = f"{one.note} %{{customdata:,}}: %{{y:.4~g}}{y.unit}"
    return trace
