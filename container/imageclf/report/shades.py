"""Which shade of a map stands for a value.

What is not there (NaN), what is not finite, and on a logarithmic scale zero, have levels of their
own beside the shades.
"""

import math
from dataclasses import dataclass

import numpy as np

from imageclf.report.figures import Matrix, magnitude

SHADES = 8
DECADES = 5
"""A logarithmic scale reaches so far either side of the median; what lies beyond has the shade of
its end."""

NOT_SAVED, NOT_FINITE, ZERO = 0, SHADES + 1, SHADES + 2
"""Levels beside the shades 1 to `SHADES`."""

Levels = np.ndarray[tuple[int, ...], np.dtype[np.int_]]


@dataclass(frozen=True)
class Scale:
    """Which values the shades stand for; values are `percent` or plain numbers.

    `goes_beyond` says whether there are values below the low and above the high end.
    """

    low: float
    high: float
    log: bool = True
    percent: bool = False
    goes_beyond: tuple[bool, bool] = (False, False)

    @property
    def ends(self) -> tuple[str, str]:
        """The ends in words."""
        below, above = self.goes_beyond
        return (
            f"{'≤ ' if below else ''}{self.text(self.low)}",
            f"{'≥ ' if above else ''}{self.text(self.high)}",
        )

    def share(self, values: Matrix) -> Matrix:
        """Where values lie between the ends, 0 to 1 and beyond."""
        with np.errstate(all="ignore"):
            if not self.log:
                linear: Matrix = (values - self.low) / (self.high - self.low)
                return linear
            decades: Matrix = np.log10(np.maximum(values, np.finfo(float).tiny))
            return (decades - math.log10(self.low)) / math.log10(self.high / self.low)

    def text(self, value: float) -> str:
        return f"{100 * value:.0f} %" if self.percent else magnitude(value, 3, large=1e6)


def log_scale(values: Matrix) -> Scale:
    """The decades of the positive values, those within `DECADES` of their median."""
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size:
        return Scale(0.1, 1.0)
    least, middle, most = np.log10([positive.min(), np.median(positive), positive.max()])
    high = math.ceil(min(most, middle + DECADES))
    low = min(high - 1, math.floor(max(least, middle - DECADES)))
    return Scale(10.0**low, 10.0**high, goes_beyond=(least < low, most > high))


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
