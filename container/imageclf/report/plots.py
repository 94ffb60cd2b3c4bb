"""Plots as small inline SVG, drawn for a page that is read in light and in dark.

Colours and fonts come from the page's style sheet (classes `axis`, `grid`, `series-1` ...), never
from the drawing, so one plot fits both schemes; nothing is written outside the string returned.
A plot is `WIDTH` units wide, about that many pixels on the page, so that its text stays legible
on a phone. Values that are not finite leave a gap.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from imageclf.report.figures import magnitude, number

WIDTH = 340
HEIGHT = 216
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 18, 36

MAX_POINTS = 400
"""A longer series is thinned to about so many points; more cannot be told apart."""

MAX_DOTS = 40
"""Up to so many points each carries a dot that tells its value."""

LOG_RATIO = 1000
"""`scale="auto"` is logarithmic where the greatest value is so many times the least."""

LONG = 1e6
"""From here on there is no room beside an axis for all digits."""

LARGEST = 1e300
"""Beyond it lies infinity as far as a drawing goes."""


@dataclass(frozen=True)
class Series:
    """One line: `x` rising, `y` as long as `x`."""

    name: str
    x: Sequence[float]
    y: Sequence[float]

    def finite(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        return [(x, y) for x, y in zip(self.x, self.y, strict=True) if _drawable(y)]


@dataclass(frozen=True)
class Axis:
    """Maps values from `low` to `high` onto the places `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        share = (self._scaled(value) - self._scaled(self.low)) / (
            self._scaled(self.high) - self._scaled(self.low)
        )
        return self.start + share * (self.end - self.start)

    def ticks(self, wanted: int = 4) -> list[float]:
        if self.log:
            decades = range(round(math.log10(self.low)), round(math.log10(self.high)) + 1)
            return [10.0**power for power in decades][:: max(1, len(decades) // (wanted + 1))]
        return nice_ticks(self.low, self.high, wanted)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.log else value


def nice_ticks(low: float, high: float, wanted: int = 4, least_step: float = 0.0) -> list[float]:
    """About `wanted` round values (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    rough = (high - low) / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = max(least_step, next(f * power for f in (1, 2, 5, 10) if f * power >= rough * 0.999))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_range: tuple[float, float] | None = None,
    scale: str = "linear",
    percent: bool = False,
    mark: tuple[float, str] | None = None,
    levels: Sequence[float] = (),
) -> Markup:
    """Lines over a common x axis of whole numbers; `title` is also the text for who cannot see.

    `y_range` fixes the y axis, else it follows the data from 0. `scale` is linear, log or auto;
    `percent` writes the y axis as such. `mark` draws a labelled vertical line at an x, `levels`
    lines across, which the y axis takes in.
    """
    points = [point for one in series for point in one.finite()]
    xs = [x for one in series for x in one.x]
    if not points:
        return Markup("")
    x_axis = Axis(min(xs), max(*xs, min(xs) + 1), LEFT + 4, WIDTH - RIGHT - 4)
    y_axis = _y_axis([*(y for _, y in points), *levels], y_range, scale)
    body = [*_grid(y_axis, percent), *_x_ticks(x_axis, x_label)]
    body += [_level(y_axis, level) for level in levels]
    if mark is not None:
        body.append(_mark(x_axis, *mark))
    body += [_line(one, order, x_axis, y_axis) for order, one in enumerate(series, start=1)]
    return frame(title, body)


def frame(title: str, body: Sequence[Markup], width: int = WIDTH, height: int = HEIGHT) -> Markup:
    """The SVG element around `body`, with `title` as its text alternative."""
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(width, height, title, Markup("").join(body))


def label(x: float, y: float, text: str, kind: str = "tick", anchor: str = "middle") -> Markup:
    """Text at a place of the drawing; `anchor` says which end of it stands there."""
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        kind, x, y, anchor, text
    )


def reliability_diagram(title: str, bins: Sequence[tuple[float, float, int]]) -> Markup:
    """Dots of (mean confidence, share that was right), their area in proportion to the count.

    Dots on the diagonal mean that confidence can be taken at its word.
    """
    full = [bin_ for bin_ in bins if bin_[2] > 0 and all(map(math.isfinite, bin_[:2]))]
    if not full:
        return Markup("")
    height = 300
    x_axis = Axis(0, 1, LEFT, WIDTH - RIGHT - 4)
    y_axis = Axis(0, 1, height - BOTTOM, TOP)
    body = [*_grid(y_axis, percent=True), *_percent_x_ticks(x_axis, "confidence", height)]
    body.append(_diagonal(x_axis, y_axis))
    most = max(count for _, _, count in full)
    body += [_bin(x_axis, y_axis, bin_, most) for bin_ in full]
    return frame(title, body, height=height)


def _drawable(value: float) -> bool:
    return abs(value) < LARGEST  # false for NaN


def _y_axis(values: list[float], y_range: tuple[float, float] | None, scale: str) -> Axis:
    bottom, top = HEIGHT - BOTTOM, TOP
    if y_range is not None:
        return Axis(*y_range, bottom, top)
    low, high = min(values), max(values)
    if scale == "log" or (scale == "auto" and low > 0 and high / low > LOG_RATIO):
        decades = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return Axis(10.0 ** decades[0], 10.0 ** max(decades[1], decades[0] + 1), bottom, top, True)
    low = min(low, 0.0)
    high = high if high > low else low + 1
    margin = 0.05 * (high - low)
    return Axis(low - margin if low < 0 else low, high + margin, bottom, top)


def _grid(axis: Axis, percent: bool = False) -> list[Markup]:
    return [
        Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(
            LEFT, axis.place(tick), WIDTH - RIGHT
        )
        + label(LEFT - 6, axis.place(tick) + 4, _tick(tick, percent), anchor="end")
        for tick in axis.ticks(5 if percent else 4)
    ]


def _tick(value: float, percent: bool) -> str:
    return f"{100 * value:.0f} %" if percent else magnitude(value, large=LONG)


def _x_ticks(axis: Axis, text: str) -> list[Markup]:
    base = HEIGHT - BOTTOM
    ticks = nice_ticks(axis.low, axis.high, 6, least_step=1)
    return [
        Markup('<path class="axis" d="M{} {}H{}"/>').format(LEFT, base, WIDTH - RIGHT),
        *(label(axis.place(tick), base + 15, f"{tick:.0f}") for tick in ticks),
        label((LEFT + WIDTH - RIGHT) / 2, base + 31, text),
    ]


def _percent_x_ticks(axis: Axis, text: str, height: int) -> list[Markup]:
    base = height - BOTTOM
    ticks = [label(axis.place(tick), base + 15, _tick(tick, True)) for tick in axis.ticks(5)]
    return [*ticks, label((LEFT + WIDTH - RIGHT) / 2, base + 31, text)]


def _mark(axis: Axis, x: float, text: str) -> Markup:
    place = axis.place(x)
    left = place > (LEFT + WIDTH) / 2
    return Markup('<path class="mark" d="M{:.1f} {}V{}"/>').format(
        place, TOP, HEIGHT - BOTTOM
    ) + label(place + (-5 if left else 5), TOP - 6, text, "note", "end" if left else "start")


def _level(axis: Axis, y: float) -> Markup:
    return Markup('<path class="mark" d="M{} {:.1f}H{}"/>').format(
        LEFT, axis.place(y), WIDTH - RIGHT
    )


def _line(series: Series, order: int, x_axis: Axis, y_axis: Axis) -> Markup:
    commands, dots, pen = [], [], "M"
    pairs = _thinned(list(zip(series.x, series.y, strict=True)))
    for x, y in pairs:
        if not _drawable(y):
            pen = "M"
            continue
        px, py = x_axis.place(x), y_axis.place(y)
        start = "h0" if pen == "M" else ""  # shows a value that stands alone between gaps
        commands.append(f"{pen}{px:.1f} {py:.1f}{start}")
        pen = "L"
        if len(pairs) <= MAX_DOTS:
            dots.append(
                Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2.2"><title>{}</title></circle>').format(
                    px, py, f"{series.name}, {number(x)}: {number(y)}"
                )
            )
    return Markup('<g class="series-{}"><path d="{}"/>{}</g>').format(
        order, "".join(commands), Markup("").join(dots)
    )


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of each part of a long line the lowest and the highest point, and the last of all.

    A part that holds a value that cannot be drawn keeps one such, for the gap.
    """
    if len(points) <= MAX_POINTS:
        return points
    size = math.ceil(2 * len(points) / MAX_POINTS)
    kept = {len(points) - 1}
    for start in range(0, len(points), size):
        part = range(start, min(start + size, len(points)))
        drawable = [index for index in part if _drawable(points[index][1])]
        if drawable:
            kept |= {min(drawable, key=lambda i: points[i][1])}
            kept |= {max(drawable, key=lambda i: points[i][1])}
        kept |= set([index for index in part if not _drawable(points[index][1])][:1])
    return [points[index] for index in sorted(kept)]


def _diagonal(x_axis: Axis, y_axis: Axis) -> Markup:
    return Markup('<path class="mark" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>').format(
        x_axis.place(0), y_axis.place(0), x_axis.place(1), y_axis.place(1)
    )


def _bin(x_axis: Axis, y_axis: Axis, bin_: tuple[float, float, int], most: int) -> Markup:
    confidence, accuracy, count = bin_
    text = f"{count} predictions: confidence {confidence:.1%}, right {accuracy:.1%}"
    return Markup(
        '<g class="bin"><path d="M{0:.1f} {1:.1f}V{2:.1f}"/>'
        '<circle cx="{0:.1f}" cy="{1:.1f}" r="{3:.1f}"><title>{4}</title></circle></g>'
    ).format(
        x_axis.place(confidence),
        y_axis.place(accuracy),
        y_axis.place(confidence),
        2.5 + 6.5 * math.sqrt(count / most),
        escape(text),
    )
