"""Axes of plots for plotly.js: titles, ends, ticks of logarithmic ones, and lines across."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scale:
    """An axis: its title, fixed ends, and unit on touch; `log` for logarithmic."""

    title: str = ""
    ends: tuple[float, float] | None = None
    unit: str = ""
    log: bool = False


@dataclass(frozen=True)
class Unit:
    """Of a time axis: so many seconds make one."""

    seconds: float
    name: str


def time_unit(length_s: float) -> Unit:
    """Seconds, minutes or hours, as fits an axis of `length_s`."""
    if length_s < 240:
        return Unit(1.0, "s")
    return Unit(60.0, "min") if length_s < 4 * 3600 else Unit(3600.0, "h")


def axis(scale: Scale) -> dict[str, Any]:
    """As plotly.js takes it."""
    found: dict[str, Any] = {"title": {"text": scale.title}}
    if scale.ends is not None:
        found["range"] = [math.log10(end) for end in scale.ends] if scale.log else [*scale.ends]
    if scale.log:
        found |= {"type": "log", "rangemode": "normal", "dtick": 1, "exponentformat": "none"}
    if scale.log and scale.ends is not None:
        ticks = _ticks(*scale.ends)
        found |= {"tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks]}
    return found


def _ticks(low: float, high: float) -> list[float]:
    """Round values of a logarithmic axis: 1, 2 and 5 times powers of ten, or powers alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [factor * 10.0**power for power in powers for factor in factors]
    return [tick for tick in ticks if low <= tick <= high]


def level(value: float) -> dict[str, Any]:
    """A line across at `value`."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": "--muted", "width": 1, "dash": "dot"},
    }


def named_level(value: float, name: str) -> dict[str, Any]:
    """What the line across at `value` says; `name` is shown as it is written."""
    return {
        "xref": "paper",
        "x": 1,
        "y": value,
        "xanchor": "right",
        "yanchor": "bottom",
        "text": name,
        "showarrow": False,
        "font": {"color": "--muted", "size": 11},
        "bgcolor": "--ground",
        "borderpad": 1,
    }
