"""What the cells of a layer map show for each rule, from what was saved.

A rule has several measures; the first of which anything was saved is shown.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from imageclf.debugger import statistics
from imageclf.debugger.report.reading import Measure
from imageclf.debugger.saved import Saved
from imageclf.debugger.statistics import Values
from imageclf.report.shades import Scale

SHARE = Scale(0.0, 1.0, log=False, percent=True)


@dataclass(frozen=True)
class Shown:
    """A measure, how its map is called, and its scale where the values do not set it.

    `make` gives a new measure for each map, since some remember the step before.
    """

    heading: str
    make: Callable[[], Measure]
    scale: Scale | None = None


def magnitudes() -> list[Shown]:
    """How large a tensor's values are; infinite where one of them is not finite."""
    named = [("Mean absolute value", "abs_mean"), ("Norm (L2)", "l2"), ("Deviation", "std")]
    return [
        *(Shown(heading, partial(_finite, name)) for heading, name in named),
        Shown("Values that are NaN or infinite", lambda: _not_finite, Scale(0, 1, log=False)),
    ]


def of_statistic(heading: str, name: str, scale: Scale | None = None) -> Shown:
    """A statistic as it was saved."""
    return Shown(heading, lambda: lambda tensor: tensor.statistic(name), scale)


def percentile_gap() -> Shown:
    """The distance from the 5th to the 95th percentile."""
    return Shown("Distance from the 5th to the 95th percentile of gradients", lambda: _gap)


def dead_units(threshold_inactivity: float) -> Shown:
    """The share of units that are active less than `threshold_inactivity` per cent."""

    def measure(tensor: Saved) -> float | None:
        return _share(tensor.vector(statistics.ACTIVITY), threshold_inactivity)

    return Shown("Share of units that are dead", lambda: measure, SHARE)


def saturated_units(threshold_inactivity: float) -> Shown:
    """The share of units within their bounds less than `threshold_inactivity` per cent."""

    def measure(tensor: Saved) -> float | None:
        for name in (statistics.SATURATION_TANH, statistics.SATURATION_SIGMOID):
            beyond = tensor.vector(name)
            if beyond is not None:
                return _share(1 - beyond, threshold_inactivity)
        return None

    return Shown("Share of units that are saturated", lambda: measure, SHARE)


def update_ratios() -> list[Shown]:
    """How far tensors moved since the last saved step, in proportion to their size."""
    return [
        of_statistic("Update ratio", statistics.UPDATE_RATIO),
        Shown("Update ratio", _Moved),
        of_statistic(
            "Unchanged since the last saved step", statistics.UNCHANGED, Scale(0, 1, log=False)
        ),
    ]


class _Moved:
    """Mean |w - w before| over mean |w before|, from the values of two steps that were read."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, str], Values] = {}

    def __call__(self, tensor: Saved) -> float | None:
        if tensor.values is None:
            return None
        now = tensor.values.astype(np.float64)
        before = self._before.get((tensor.worker, tensor.name))
        self._before[tensor.worker, tensor.name] = now
        if before is None or before.shape != now.shape or not now.size:
            return None
        with np.errstate(all="ignore"):
            return float(np.abs(now - before).mean() / np.abs(before).mean())


def _finite(name: str) -> Measure:
    def measure(tensor: Saved) -> float | None:
        value = tensor.statistic(name)
        return math.inf if value is not None and _not_finite(tensor) else value

    return measure


def _not_finite(tensor: Saved) -> float | None:
    counts = [tensor.statistic(name) for name in (statistics.NANS, statistics.INFINITIES)]
    known = [count for count in counts if count is not None]
    return min(1.0, sum(known)) if known else None


def _gap(tensor: Saved) -> float | None:
    low, high = tensor.statistic(statistics.Q05), tensor.statistic(statistics.Q95)
    return None if low is None or high is None else high - low


def _share(activity: Values | None, threshold_percent: float) -> float | None:
    if activity is None or np.isnan(activity).all():
        return None
    return float(np.mean(100 * activity < threshold_percent))
