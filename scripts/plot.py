"""A search as a picture: one panel for each hyperparameter, the objective over its values.

Plain SVG in the colours of the reader's system, light or dark; nothing in it runs.
"""

import math
from collections.abc import Sequence
from html import escape

from scripts.trials import Trial, shown

PANEL_PX = 260
HEIGHT_PX = 230
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 52, 14, 40, 46
POINT_PX = 4.5
CHARACTER_PX = 6.5
EDGE_PX = 12

_STYLE = """
  svg { background: #ffffff; font: 12px system-ui, sans-serif; }
  text { fill: #333333; } .title { font-weight: 600; } .tick { fill: #6b6b6b; font-size: 11px; }
  .axis { stroke: #b8b8b8; fill: none; } .point { fill: #2f6fb7; fill-opacity: 0.65; }
  .best { fill: #c4461d; fill-opacity: 1; }
  @media (prefers-color-scheme: dark) {
    svg { background: #16181c; } text { fill: #e4e4e4; } .tick { fill: #a3a3a3; }
    .axis { stroke: #555a63; } .point { fill: #7fb2ea; } .best { fill: #ff9466; }
  }
"""


class _Scale:
    """From values to pixels between `low_px` and `high_px`; numbers by size, words in a row."""

    def __init__(self, values: Sequence[str], low_px: float, high_px: float) -> None:
        self._low_px, self._high_px = low_px, high_px
        self._numbers = _numbers(values)
        self.marks = sorted(set(values), key=_number_or_word)
        self._log = False
        if self._numbers:
            low, high = min(self._numbers), max(self._numbers)
            self._log = low > 0 and high / low >= 10

    def __call__(self, value: str) -> float:
        return self._low_px + self._share(value) * (self._high_px - self._low_px)

    def _share(self, value: str) -> float:
        if not self._numbers:
            return (self.marks.index(value) + 0.5) / len(self.marks)
        place = math.log if self._log else float
        low, high = place(min(self._numbers)), place(max(self._numbers))
        return 0.5 if high == low else (place(float(value)) - low) / (high - low)


def svg(trials: Sequence[Trial], objective: str, best: str | None) -> str:
    """The picture of all trainings that have an objective; `best` is marked."""
    reached = [trial for trial in trials if trial.objective is not None]
    names = sorted({name for trial in reached for name in trial.values})
    width = max(1, len(names)) * PANEL_PX
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT_PX}" '
        f'viewBox="0 0 {width} {HEIGHT_PX}" role="img">',
        f"<title>{escape(objective)} of {len(reached)} trainings</title>",
        f"<style>{_STYLE}</style>",
    ]
    if not names:
        parts.append(f'<text x="20" y="40">No training has reached {escape(objective)}.</text>')
    for number, name in enumerate(names):
        shift = f'<g transform="translate({number * PANEL_PX} 0)">'
        parts += [shift, *_panel(reached, name, objective, best), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(trials: Sequence[Trial], name: str, objective: str, best: str | None) -> list[str]:
    there = [trial for trial in trials if name in trial.values]
    left, right = LEFT_PX + 8.0, PANEL_PX - RIGHT_PX - 8.0
    top, bottom = TOP_PX + 8.0, HEIGHT_PX - BOTTOM_PX - 8.0
    across = _Scale([trial.values[name] for trial in there], left, right)
    heights = [f"{trial.objective}" for trial in there]
    low, high = min(map(float, heights)), max(map(float, heights))

    def up(value: float) -> float:
        share = 0.5 if high == low else (value - low) / (high - low)
        return bottom - share * (bottom - top)

    axis = f"M{LEFT_PX} {TOP_PX}V{HEIGHT_PX - BOTTOM_PX}H{PANEL_PX - RIGHT_PX}"
    drawn = [
        f'<text class="title" x="{LEFT_PX}" y="22">{escape(objective)}</text>',
        f'<path class="axis" d="{axis}"/>',
        f'<text class="title" x="{(left + right) / 2:.1f}" y="{HEIGHT_PX - 8}" '
        f'text-anchor="middle">{escape(name)}</text>',
    ]
    for value in sorted({low, high}):
        drawn.append(_tick(f"{value:.3g}", LEFT_PX - 6, up(value) + 4, "end"))
    for text, x, anchor in _marks(across):
        drawn.append(_tick(text, x, HEIGHT_PX - BOTTOM_PX + 16, anchor))
    for trial in sorted(there, key=lambda one: one.name == best):
        assert trial.objective is not None
        drawn.append(_point(trial, across(trial.values[name]), up(trial.objective), best))
    return drawn


def _marks(across: _Scale) -> list[tuple[str, float, str]]:
    """Text, place and anchor of the marks below the axis that have room: the ends, and between."""
    placed = [(shown(mark), across(mark), "middle") for mark in across.marks]
    if len(placed) < 2:
        return placed
    last, last_px, _ = placed.pop()
    kept: list[tuple[str, float, str]] = []
    free_px = -math.inf
    for text, x, anchor in placed:
        half_px = len(text) * CHARACTER_PX / 2
        if x - half_px > free_px and x + half_px < last_px - len(last) * CHARACTER_PX:
            kept.append((text, x, anchor))
            free_px = x + half_px + CHARACTER_PX
    fits = len(last) * CHARACTER_PX / 2 <= EDGE_PX
    return [*kept, (last, last_px, "middle") if fits else (last, last_px + EDGE_PX, "end")]


def _tick(text: str, x: float, y: float, anchor: str) -> str:
    return (
        f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _point(trial: Trial, x: float, y: float, best: str | None) -> str:
    kind = "point best" if trial.name == best else "point"
    values = ", ".join(f"{name} {shown(value)}" for name, value in sorted(trial.values.items()))
    told = f"<title>{escape(f'{trial.name}: {values}: {trial.objective:.6g}')}</title>"
    return f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{POINT_PX}">{told}</circle>'


def _numbers(values: Sequence[str]) -> list[float]:
    """The values as numbers; none if one is a word."""
    try:
        found = [float(value) for value in values]
    except ValueError:
        return []
    return found if all(map(math.isfinite, found)) else []


def _number_or_word(value: str) -> tuple[float, str]:
    try:
        return float(value), ""
    except ValueError:
        return math.inf, value
