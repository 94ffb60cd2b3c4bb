"""Which shade of a map stands for a value.

What is not there (NaN), what is not finite, and on a logarithmic scale zero, have levels of their
own beside the shades.
"""

import math
from dataclasses import dataclass

import numpy as np

from imageclf.report.figures import Matrix, magnitude

SHADES = 8
DECADES = 12
"""A logarithmic scale reaches so far down from the greatest value; below it is one shade."""

NOT_SAVED, NOT_FINITE, ZERO = 0, SHADES + 1, SHADES + 2
"""Levels beside the shades 1 to `SHADES`."""

Levels = np.ndarray[tuple[int, ...], np.dtype[np.int_]]


@dataclass(frozen=True)
class Scale:
    """Which values the shades stand for; values are `percent` or plain numbers."""

    low: float
    high: float
    log: bool = True
    percent: bool = False

    def share(self, values: Matrix) -> Matrix:
        """Where values lie between the ends, 0 to 1 and beyond."""
        with np.errstate(all="ignore"):
            if not self.log:
                linear: Matrix = (values - self.low) / (self.high - self.low)
                return linear
            decades: Matrix = np.log10(np.maximum(values, np.finfo(float).tiny))
            return (decades - math.log10(self.low)) / math.log10(self.high / self.low)

    def text(self, value: float) -> str:
        return f"{100 * value:.0f} %" if self.percent else magnitude(value, 3)


def log_scale(values: Matrix) -> Scale:
    """The decades of the positive values, no more than `DECADES` of them."""
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size:
        return Scale(0.1, 1.0)
    high = math.ceil(math.log10(positive.max()))
    low = min(high - 1, max(math.floor(math.log10(positive.min())), high - DECADES))
    return Scale(10.0**low, 10.0**high)


def levels_of(values: Matrix, scale: Scale) -> Levels:
    """The level of each of `values`: a shade, `NOT_SAVED`, `NOT_FINITE` or `ZERO`."""
    with np.errstate(all="ignore"):
        shades = np.clip(np.ceil(np.nan_to_num(scale.share(values)) * SHADES), 1, SHADES)
    levels: Levels = shades.astype(int)
    levels[np.isnan(values)] = NOT_SAVED
    levels[np.isinf(values)] = NOT_FINITE
    if scale.log:
        levels[values == 0] = ZERO
    return levels
