"""The five figures by which the report sums up a series: max, p99, p95, p50, min."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

SHARES = (99.0, 95.0, 50.0)


@dataclass(frozen=True)
class Percentiles:
    """Of the numbers that are known; all NaN when none is. `count` says how many are."""

    max: float
    p99: float
    p95: float
    p50: float
    min: float
    count: int = 0

    def as_json(self) -> dict[str, float | None]:
        """The same, as JSON can hold it: None stands for what is not known."""
        return {name: None if np.isnan(value) else value for name, value in asdict(self).items()}


UNKNOWN = Percentiles(np.nan, np.nan, np.nan, np.nan, np.nan)


def percentiles(values: npt.ArrayLike) -> Percentiles:
    """Of the raw series `values`, in which NaN and infinities are left out.

    Between two numbers of the series it interpolates linearly, as `numpy.percentile` does.
    """
    series = np.asarray(values, np.float64).ravel()
    known = series[np.isfinite(series)]
    if not len(known):
        return UNKNOWN
    p99, p95, p50 = (float(one) for one in np.percentile(known, SHARES))
    return Percentiles(float(known.max()), p99, p95, p50, float(known.min()), len(known))
