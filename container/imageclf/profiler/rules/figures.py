"""Figures that rules hand to the report: percentiles, boxes over time, the managed keys."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from imageclf.profiler.recorded import Floats
from imageclf.rules.parameters import RuleParameters

PERCENTILES = (5, 25, 50, 75, 95)
BOXES = 30
"""Stretches of time into which a run is cut for box plots."""


class Series:
    """One series of values as it grows."""

    def __init__(self) -> None:
        self._at_s: list[Floats] = []
        self._values: list[Floats] = []

    def add(self, at_s: Floats, values: Floats) -> None:
        self._at_s.append(at_s)
        self._values.append(values)

    @property
    def at_s(self) -> Floats:
        return np.concatenate(self._at_s) if self._at_s else np.empty(0)

    @property
    def values(self) -> Floats:
        return np.concatenate(self._values) if self._values else np.empty(0)

    def boxes(self, count: int = BOXES) -> list[dict[str, float]]:
        """Percentiles of at most `count` stretches of equal length; those without values miss."""
        at_s, values = self.at_s, self.values
        if not len(at_s):
            return []
        edges = np.linspace(at_s[0], at_s[-1], min(count, len(at_s)) + 1)
        first = np.searchsorted(at_s, edges)
        first[-1] = len(at_s)
        pairs = zip(edges[:-1], edges[1:], first[:-1], first[1:], strict=True)
        return [
            {"begin_s": float(begin), "end_s": float(end), **percentiles(values[low:high])}
            for begin, end, low, high in pairs
            if high > low
        ]


def percentiles(values: Floats) -> dict[str, float]:
    """Percentiles, linear between values as in `numpy.percentile`, the extremes and the mean."""
    if not len(values):
        return {}
    found = np.percentile(values, PERCENTILES)
    return {
        **{f"p{each}": float(value) for each, value in zip(PERCENTILES, found, strict=True)},
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "points": float(len(values)),
    }


def managed_keys(
    parameters: RuleParameters,
    *,
    datapoints: int,
    violations: int,
    triggered: int,
    details: Mapping[str, Any],
) -> dict[str, Any]:
    """What the JSON of each rule of the managed service held, under the same keys."""
    return {
        "RuleTriggered": triggered,
        "Violations": violations,
        "Datapoints": datapoints,
        "RuleParameters": parameters.model_dump(),
        "Details": dict(details),
    }
