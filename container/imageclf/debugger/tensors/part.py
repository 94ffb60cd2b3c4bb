"""What one worker saved at one step: its index, and the tensors that are read when asked for."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from imageclf.debugger.saved import Saved
from imageclf.debugger.statistics import Values
from imageclf.debugger.tensors import block, index, record
from imageclf.debugger.tensors.folder import Folder, OpenFile
from imageclf.errors import TensorsError

MAX_VALUES_BYTES = 1 << 30
"""A tensor with more than this is not read: nobody saves such, and memory is not endless."""

_HEAD_BYTES = 4096
_BLOCKS = 8
_DAY_S = 86_400

CollectionsOf = Callable[[str], frozenset[str]]


@dataclass(frozen=True)
class Part:
    """One worker's share of a step.

    `at_s` is Unix time, of the writing when `is_timed`, else of the file's last change. It
    `is_whole` when the event file is as long as the index says.
    """

    worker: str
    index: index.Index
    at_s: float
    is_timed: bool
    is_whole: bool


class Worker:
    """Reads the files of one worker in `folder`."""

    def __init__(self, folder: Folder, name: str) -> None:
        self.name = name
        self._folder = folder
        self._parser = index.IndexParser()
        self._blocks: dict[index.Layout, block.Block] = {}

    def part(self, path: str, is_whole: bool) -> Part:
        """The share whose index file is `path`, once its event file is there as well.

        Args:
            is_whole: take it only if the event file has all that the index tells of.

        Raises:
            TensorsError: one of the files is missing, not whole or damaged.
        """
        with self._folder.open(path) as file:
            if file.size > index.MAX_BYTES:
                raise TensorsError(f"{path} is larger than {index.MAX_BYTES} bytes.")
            parsed = self._parser.parse(file.read(0, file.size))
            changed_s = file.modified_s
        if parsed.events is None:
            return Part(self.name, parsed, changed_s, is_timed=False, is_whole=True)
        with self._folder.open(parsed.events) as file:
            whole = file.size >= parsed.layout.end
            if is_whole and not whole:
                raise TensorsError(f"{parsed.events} is shorter than its index says.")
            at_s = _written_s(file, changed_s)
        return Part(self.name, parsed, at_s or changed_s, at_s is not None, whole)

    def tensors(self, part: Part, collections_of: CollectionsOf) -> tuple[list[Saved], int]:
        """The tensors of a part in the order of their index, and how many could not be read."""
        layout = part.index.layout
        try:
            statistics, damaged = self._statistics(part.index)
            heads = dict(self._heads(part.index))
        except TensorsError:
            return [], len(layout.statistics) + len(layout.raw) + layout.left_out
        names = dict.fromkeys([*(place.tensor for place in layout.raw), *statistics])
        tensors = [
            Saved(
                name,
                collections_of(name),
                self.name,
                heads[name][0] if name in heads else layout.shapes.get(name),
                statistics.get(name, {}),
                heads[name][1] if name in heads else None,
            )
            for name in names
            if name in heads or name in statistics
        ]
        lost = sum(place.tensor not in heads for place in layout.raw)
        return tensors, lost + damaged + layout.left_out

    def _statistics(self, parsed: index.Index) -> tuple[dict[str, dict[str, Values]], int]:
        layout = parsed.layout
        if not layout.statistics or parsed.events is None:
            return {}, 0
        if layout not in self._blocks:
            if len(self._blocks) >= _BLOCKS:
                self._blocks.pop(next(iter(self._blocks)))
            self._blocks[layout] = block.Block(layout.statistics)
        with self._folder.open(parsed.events) as file:
            values, damaged = self._blocks[layout].read(file)
        return dict(block.by_tensor(layout.statistics, values)), damaged

    def _heads(
        self, parsed: index.Index
    ) -> Iterator[tuple[str, tuple[tuple[int, ...], Callable[[], Values] | None]]]:
        """Shape of each tensor whose values were saved, and what reads them (None for text)."""
        if not parsed.layout.raw or parsed.events is None:
            return
        with self._folder.open(parsed.events) as file:
            for place in parsed.layout.raw:
                try:
                    decoded = record.decode(_head(file, place), 0, place.length)
                except TensorsError:
                    continue
                first, end = decoded.content
                if decoded.name != place.tensor or end - first > MAX_VALUES_BYTES:
                    continue
                where = (parsed.events, place.start + first, end - first)
                load = partial(self._load, *where, decoded.dtype, decoded.shape)
                yield place.tensor, (decoded.shape, load if decoded.is_numeric else None)

    def _load(
        self, events: str, start: int, length: int, dtype: int, shape: tuple[int, ...]
    ) -> Values:
        with self._folder.open(events) as file:
            return record.values(file.read(start, length), dtype, shape)


def _head(file: OpenFile, place: index.Place) -> bytes:
    """The beginning of a record, with all that stands before the values; all of it is there."""
    if place.start + place.length > file.size:
        raise TensorsError(f"{file.name} is shorter than its index says.")
    return file.read(place.start, min(place.length, _HEAD_BYTES + 16 * len(place.tensor)))


def _written_s(file: OpenFile, changed_s: float) -> float | None:
    """When the first record was written; None when it does not say, or nothing that can be."""
    start = file.read(0, min(file.size, record.HEADER_BYTES + 9))
    if len(start) < record.HEADER_BYTES + 9 or start[record.HEADER_BYTES] != 0x09:
        return None
    (at_s,) = struct.unpack_from("<d", start, record.HEADER_BYTES + 1)
    return at_s if 0 < at_s < changed_s + _DAY_S else None
