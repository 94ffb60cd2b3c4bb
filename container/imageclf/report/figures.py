"""Figures of a report and how they are written in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

MISSING = "\N{EN DASH}"

LARGE = 1e12
"""From here on a magnitude is written with an exponent."""

_Z_95 = 1.959964  # two-sided 95 % quantile of the normal distribution


def wilson_interval(share: float, count: int) -> tuple[float, float]:
    """95 % interval of a share that was observed on `count` images.

    Wilson's score interval (E. B. Wilson, 1927, JASA 22:209): it stays within 0 and 1 and holds
    for few images and shares near 1, where the usual one does not.
    """
    z2 = _Z_95**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    spread = math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    half = _Z_95 * spread / (1 + z2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Confusion:
    """Images of class `label` that were taken for `predicted`; `share` is of the class."""

    label: str
    predicted: str
    count: int
    share: float


def frequent_confusions(
    matrix: Sequence[Sequence[int]], names: Sequence[str], limit: int
) -> list[Confusion]:
    """The `limit` most frequent confusions, by count, then by share of the true class."""
    counts = np.asarray(matrix, dtype=np.int64)
    shares = row_shares(matrix)
    wrong = np.argwhere((counts > 0) & ~np.eye(len(counts), dtype=bool))
    found = [
        Confusion(names[row], names[column], int(counts[row, column]), float(shares[row, column]))
        for row, column in wrong
    ]
    return sorted(found, key=lambda one: (-one.count, -one.share))[:limit]


def row_shares(matrix: Sequence[Sequence[int]]) -> Matrix:
    """Each count over its row's sum, shape [classes, classes]; 0 for a class without images."""
    counts = np.asarray(matrix, dtype=np.float64)
    shares: Matrix = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def percent(share: float | None, digits: int = 1) -> str:
    """0.9412 is `94.1 %`."""
    if share is None or not math.isfinite(share):
        return MISSING
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def number(value: float | None, digits: int = 4) -> str:
    """`digits` significant ones, thousands apart: 12345.6 is `12,346`, 0.00012 is `0.00012`."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "\N{MINUS SIGN}∞"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    if value and abs(value) < 1e-4:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}"
    return f"{value:.{digits}g}"


def magnitude(value: float | None, digits: int = 4, large: float = LARGE) -> str:
    """As `number`, but from `large` on written with an exponent: 1e30 is `1e30`."""
    if value is None or not large <= abs(value) < math.inf:
        return number(value, digits)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def duration(seconds: float | None) -> str:
    """4000 is `1 h 7 min`, 123.4 is `2 min 3 s`, 4.21 is `4.2 s`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}\N{NO-BREAK SPACE}s"
    minutes, rest_s = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}\N{NO-BREAK SPACE}min {rest_s}\N{NO-BREAK SPACE}s"
    hours, rest_minutes = divmod(round(seconds / 60), 60)
    return f"{hours}\N{NO-BREAK SPACE}h {rest_minutes}\N{NO-BREAK SPACE}min"


def data_size(size_bytes: float | None) -> str:
    """123456789 is `123 MB`; decimal units, as disks are sold."""
    if size_bytes is None or not math.isfinite(size_bytes):
        return MISSING
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < 999.5:
            return f"{size_bytes:.3g}\N{NO-BREAK SPACE}{unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g}\N{NO-BREAK SPACE}TB"


def listing(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def ranges(values: Sequence[float]) -> str:
    """Sorted whole numbers, runs of them joined: 1, 2, 3, 7 is `1 to 3 and 7`."""
    runs: list[list[int]] = []
    for value in map(int, values):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return listing([f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs])
