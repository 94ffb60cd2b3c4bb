"""Whether a series keeps growing: a line through the least values of blocks of time."""

from dataclasses import dataclass

import numpy as np

from imageclf.profiler.recorded import Floats

BLOCKS = 8
"""A series is cut into so many; of each the least counts, since what is freed again is no leak."""

_RISING = BLOCKS - 2
"""So many of the steps from block to block must rise; one may fall, by less than they rise."""

_AS_FAST = 0.25
"""The second half must rise at least at this share of the whole's pace; a warm-up flattens."""


@dataclass(frozen=True)
class Trend:
    """A series in blocks: their least values, and a line through them.

    Args:
        begin: least value of the first block, in the unit of the series, as `slope_per_s` is.
    """

    begin: float
    slope_per_s: float
    length_s: float
    is_steady: bool

    @property
    def growth(self) -> float:
        return self.slope_per_s * self.length_s


def trend(at_s: Floats, values: Floats) -> Trend:
    """Of values [N] at times [N], in order, all known, at least as many as there are blocks.

    The slope is the median of those between the least values of all pairs of blocks (Theil 1950,
    Sen 1968), which single peaks do not move.
    """
    blocks = np.array_split(np.arange(len(values)), BLOCKS)
    least = np.array([values[block].min() for block in blocks])
    mean_s = np.array([at_s[block].mean() for block in blocks])
    first, second = np.triu_indices(BLOCKS, 1)
    slopes = (least[second] - least[first]) / np.maximum(mean_s[second] - mean_s[first], 1e-9)
    slope = float(np.median(slopes))
    half = BLOCKS // 2
    late = (least[-1] - least[half]) / max(mean_s[-1] - mean_s[half], 1e-9)
    rises = np.diff(least)
    rising = int((rises > 0).sum())
    falls_little = bool((rises > -slope * np.diff(mean_s)).all())
    return Trend(
        float(least[0]),
        slope,
        float(at_s[-1] - at_s[0]),
        bool(slope > 0 and rising >= _RISING and falls_little and late >= _AS_FAST * slope),
    )
