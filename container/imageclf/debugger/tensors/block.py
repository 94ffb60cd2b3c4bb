"""Reads the statistics of a step in one go.

The bytes of a step's statistics are the same as those of the step before, but for times, numbers
of steps and the values. So they are decoded once, record by record; while everything else stays
equal, the values of further steps are picked out all together.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imageclf.debugger.statistics import Values
from imageclf.debugger.tensors import record
from imageclf.debugger.tensors.folder import OpenFile
from imageclf.debugger.tensors.index import Place
from imageclf.errors import TensorsError

MAX_BYTES = 64 << 20
"""Statistics are small; what claims to be larger is not read."""

_GAP_BYTES = 4096

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Sort:
    """The statistics of one type that are single numbers: their positions, and where they lie."""

    dtype: int
    positions: tuple[int, ...]
    indices: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Pattern:
    """What stays equal from step to step, and where the values lie in it."""

    constant: Bytes
    varies: npt.NDArray[np.bool_]
    single: tuple[_Sort, ...]
    vectors: tuple[tuple[int, record.Record, int], ...]

    def fits(self, data: Bytes) -> bool:
        return len(data) == len(self.constant) and bool(
            np.all((data == self.constant) | self.varies)
        )


class Block:
    """The statistics at `places` of one layout."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._spans = tuple(_spans(places))
        self._at = tuple(_offsets(places, self._spans))
        self._pattern: _Pattern | None = None

    def read(self, file: OpenFile) -> tuple[list[Values | None], int]:
        """The values in the order of the places, None for a damaged one; and how many those are.

        What lies beyond the end of a file that was cut off is damaged.

        Raises:
            TensorsError: the file cannot be read.
        """
        if sum(end - start for start, end in self._spans) > MAX_BYTES:
            raise TensorsError(f"{file.name} has more than {MAX_BYTES} bytes of statistics.")
        data = b"".join(_padded(file, start, end) for start, end in self._spans)
        array = np.frombuffer(data, np.uint8)
        if self._pattern is None or not self._pattern.fits(array):
            records = list(self._decode(data))
            if None in records:
                values = [
                    _values(data, at, each) for at, each in zip(self._at, records, strict=True)
                ]
                return values, records.count(None)
            self._pattern = self._learn(array, [each for each in records if each])
        return _picked(data, array, self._pattern, len(self._places)), 0

    def _learn(self, data: Bytes, records: Sequence[record.Record]) -> _Pattern:
        """The pattern; what lies between the places is nobody's here and may vary."""
        varies = np.ones(len(data), np.bool_)
        single: dict[int, list[int]] = {}
        vectors = []
        for position, (at, each) in enumerate(zip(self._at, records, strict=True)):
            varies[at : at + self._places[position].length] = False
            for first, end in (each.content, *each.varying):
                varies[at + first : at + end] = True
            if math.prod(each.shape) == 1:
                single.setdefault(each.dtype, []).append(position)
            else:
                vectors.append((position, each, at))
        sorts = tuple(_sort(dtype, each, self._at, records) for dtype, each in single.items())
        return _Pattern(data, varies, sorts, tuple(vectors))

    def _decode(self, data: bytes) -> Iterator[record.Record | None]:
        for place, at in zip(self._places, self._at, strict=True):
            try:
                decoded = record.decode(data, at, place.length)
            except TensorsError:
                yield None
                continue
            sound = decoded.is_numeric and decoded.name == place.saved_as
            yield decoded if sound else None


def _padded(file: OpenFile, start: int, end: int) -> bytes:
    available = max(0, min(end, file.size) - start)
    return (file.read(start, available) if available else b"").ljust(end - start, b"\0")


def _spans(places: Iterable[Place]) -> Iterator[tuple[int, int]]:
    """The parts of the file that hold all places, few and without much in between."""
    first = end = -1
    for place in sorted(places, key=lambda place: place.start):
        if end >= 0 and place.start - end > _GAP_BYTES:
            yield first, end
            first = -1
        first = place.start if first < 0 else first
        end = max(end, place.start + place.length)
    if end >= 0:
        yield first, end


def _offsets(places: Iterable[Place], spans: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Where each place begins in the spans put together."""
    begins = [start for start, _ in spans]
    before = np.cumsum([0, *(end - start for start, end in spans)])
    for place in places:
        at = int(np.searchsorted(begins, place.start, side="right")) - 1
        yield int(before[at]) + place.start - begins[at]


def _sort(
    dtype: int, positions: Sequence[int], at: Sequence[int], records: Sequence[record.Record]
) -> _Sort:
    first, end = records[positions[0]].content
    begins = np.array([at[position] + records[position].content[0] for position in positions])
    return _Sort(dtype, tuple(positions), begins[:, None] + np.arange(end - first))


def _picked(data: bytes, array: Bytes, pattern: _Pattern, count: int) -> list[Values | None]:
    picked: list[Values | None] = [None] * count
    for sort in pattern.single:
        content = array[sort.indices].tobytes()
        numbers = record.values(content, sort.dtype, (len(sort.positions),)).astype(np.float64)
        for position, number in zip(sort.positions, numbers, strict=True):
            picked[position] = number
    for position, each, start in pattern.vectors:
        picked[position] = _values(data, start, each)
    return picked


def _values(data: bytes, start: int, each: record.Record | None) -> Values | None:
    if each is None:
        return None
    first, end = each.content
    return record.values(data[start + first : start + end], each.dtype, each.shape)


def by_tensor(
    places: Sequence[Place], values: Sequence[Values | None]
) -> Mapping[str, dict[str, Values]]:
    """The statistics of each tensor, by their names."""
    found: dict[str, dict[str, Values]] = {}
    for place, value in zip(places, values, strict=True):
        if value is not None:
            found.setdefault(place.tensor, {})[place.statistic] = value
    return found
