"""Long series made short for a plot: the extremes stay, and so do the gaps."""

from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler.recorded import Floats

Values = npt.NDArray[np.floating[Any]]
"""Numbers of any width."""

MOST_POINTS = 2000
"""A line keeps at most so many points."""

_SILENCE = 5.0
"""Where so many usual distances lie between two samples, something was not recorded."""

Places = npt.NDArray[np.intp]


def thin(values: Values, most: int = MOST_POINTS) -> Places:
    """Which of `values` [N] to draw, in order, at most `most`.

    The series is cut into parts of equal length; each keeps its lowest and highest value, and the
    first of a part that has none. The first and the last value of all stay.
    """
    count = len(values)
    if count <= most:
        return np.arange(count)
    parts = (most - 2) // 2
    size = -(-count // parts)
    padded = np.full(-(-count // size) * size, np.nan)
    padded[:count] = values
    table = padded.reshape(-1, size)
    start = np.arange(len(table)) * size
    lowest = start + np.argmin(np.where(np.isnan(table), np.inf, table), axis=1)
    highest = start + np.argmax(np.where(np.isnan(table), -np.inf, table), axis=1)
    kept: Places = np.unique(np.concatenate([[0], lowest, highest, [count - 1]]))
    return kept


def means(at_s: Values, values: Values, edges_s: Values) -> Floats:
    """Mean of `values` between each two of `edges_s`; NaN where there is none."""
    known = np.isfinite(values)
    sums, _ = np.histogram(at_s[known], edges_s, weights=values[known])
    counts, _ = np.histogram(at_s[known], edges_s)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = sums / counts
    return found


def with_gaps(at_s: Values, values: Values) -> tuple[Values, Values]:
    """The series with a NaN wherever nothing was recorded for long, so that no line crosses it."""
    if len(at_s) < 3:
        return at_s, values
    distances = np.diff(at_s)
    silent = np.flatnonzero(distances > max(_SILENCE * float(np.median(distances)), 1e-3)) + 1
    middles = (at_s[silent - 1] + at_s[silent]) / 2
    return np.insert(at_s, silent, middles), np.insert(values, silent, np.nan)
