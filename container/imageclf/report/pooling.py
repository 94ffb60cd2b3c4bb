"""Fewer columns out of many, so that what is unusual among those drawn as one is what is seen."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from imageclf.report.figures import Matrix

Marks = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class Thinned:
    """A matrix with fewer columns, each drawn for those of one slice in `parts`."""

    values: Matrix
    distance: Matrix
    marks: Marks
    parts: list[slice]


def unusual(values: Matrix, shares: Matrix) -> Matrix:
    """How far each of `values` is from its row's median, measured by its place in `shares`.

    What is not finite is farthest; what is not there, NaN, is nearer than anything.
    """
    scaled = np.where(np.isfinite(values), shares, np.nan)
    there = np.isfinite(scaled).any(axis=1)
    medians = np.zeros((len(values), 1))
    if there.any():
        medians[there, 0] = np.nanmedian(scaled[there], axis=1)
    distance = np.abs(scaled - medians)
    return np.where(np.isnan(values), -1.0, np.where(np.isinf(values), np.inf, distance))


def thinned(values: Matrix, distance: Matrix, marks: Marks, most: int) -> Thinned:
    """At most `most` columns; of those that fall together the value of the greatest `distance`.

    A mark stays where any of them had one.
    """
    parts = groups(values.shape[1], most)
    rows = np.arange(len(values))
    chosen = [part.start + np.argmax(distance[:, part], axis=1) for part in parts]
    return Thinned(
        np.stack([values[rows, columns] for columns in chosen], axis=1),
        np.stack([distance[rows, columns] for columns in chosen], axis=1),
        np.stack([marks[:, part].any(axis=1) for part in parts], axis=1),
        parts,
    )


def groups(count: int, most: int) -> list[slice]:
    """Neighbours that are drawn as one, of nearly equal number; `count` is 1 at least."""
    drawn = min(count, most)
    edges = [count * index // drawn for index in range(drawn + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
