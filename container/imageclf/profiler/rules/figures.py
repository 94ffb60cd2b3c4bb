"""Figures that rules hand to the report: percentiles, boxes over time, the managed keys."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler.recorded import Floats
from imageclf.rules.parameters import RuleParameters

PERCENTILES = (5, 25, 50, 75, 95)
BOXES = 30
"""Stretches of time into which a run is cut for box plots."""


class Series:
    """One series of values as it grows, in 32 bits, as the files of a profile have it."""

    def __init__(self) -> None:
        self._at_s: list[npt.NDArray[np.float32]] = []
        self._values: list[npt.NDArray[np.float32]] = []

    def add(self, at_s: Floats, values: Floats) -> None:
        self._at_s.append(at_s.astype(np.float32))
        self._values.append(values.astype(np.float32))

    @property
    def at_s(self) -> Floats:
        return _joined(self._at_s)

    @property
    def values(self) -> Floats:
        return _joined(self._values)

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


def _joined(parts: Sequence[npt.NDArray[np.float32]]) -> Floats:
    return np.concatenate(parts, dtype=np.float64) if parts else np.empty(0)


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
