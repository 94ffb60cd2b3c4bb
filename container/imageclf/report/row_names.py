"""Names of layers beside the rows of a map: short, and as many as there is room for."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LABEL_PX = 13
"""Height that the name of a row needs."""


@dataclass(frozen=True)
class RowName:
    """The name of a row: whole, shortened, its place from the top (a share), whether marked."""

    name: str
    short: str
    top: float
    marked: bool


def row_names(
    names: Sequence[str],
    rows: Sequence[slice],
    marked: Sequence[bool],
    row_px: int,
) -> list[RowName]:
    """Names for which there is room, those of marked rows first."""
    short = shortened(names)
    apart = math.ceil(LABEL_PX / row_px)
    taken: set[int] = set()
    for row in sorted(range(len(rows)), key=lambda row: (not marked[row], row)):
        if not taken & set(range(row - apart + 1, row + apart)):
            taken.add(row)
    return [
        RowName(
            _joined(names[rows[row]]),
            _joined(short[rows[row]]),
            (row + 0.5) / len(rows),
            bool(marked[row]),
        )
        for row in sorted(taken)
    ]


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"


def shortened(names: Sequence[str]) -> list[str]:
    """The names without what all of them begin and end with, cut where a part of a name ends."""
    if len(names) < 2:
        return list(names)
    start = _shared(names, "/_")
    end = _shared([name[start:][::-1] for name in names], ".")
    return [name[start : len(name) - end] or name for name in names]


def _shared(names: Sequence[str], ends: str) -> int:
    """Length of the common beginning, up to the last of the characters `ends` in it."""
    least, most = min(names), max(names)
    common = next(
        (i for i, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), len(least)
    )
    return max(least.rfind(one, 0, common) for one in ends) + 1
