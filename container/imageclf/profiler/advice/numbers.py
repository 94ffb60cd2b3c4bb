"""Numbers out of files that anybody may have written: what is none is NaN."""

import math
from collections.abc import Mapping
from typing import Any


def number(values: Mapping[str, Any], *path: str) -> float:
    """The finite number at `path`, below which mappings may lie; NaN for anything else."""
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return math.nan
    try:
        return float(found) if math.isfinite(found) else math.nan
    except OverflowError:
        return math.nan


def positive(values: Mapping[str, Any], *path: str) -> float:
    """As `number`; NaN also for what is not above 0."""
    found = number(values, *path)
    return found if found > 0 else math.nan


def known(*values: float) -> bool:
    """Whether all of them are numbers."""
    return not any(math.isnan(value) for value in values)


def or_zero(value: float) -> float:
    """The number, or 0 for what is not known."""
    return 0.0 if math.isnan(value) else value


def shown(value: float) -> str:
    """The number with three digits, or more before the point, as people write it."""
    if not math.isfinite(value):
        return "?"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
