"""One table as it grows: the rows of its file, on the time axis of the run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler.files.reading import Block, Reader, Room
from imageclf.profiler.names import AT
from imageclf.profiler.recorded import EMPTY, Floats, Table

Seconds = Callable[[Mapping[str, Any], npt.NDArray[np.int64]], Floats]
"""Makes seconds of the run out of a file's header and `at_ns`."""

EARLIEST_S, LATEST_S = -86_400.0, 400 * 86_400.0
"""What lies further from the beginning of a run was not measured in it."""


@dataclass(frozen=True)
class _Part:
    """Times [N] and values [columns, N]."""

    at_s: Floats
    values: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.at_s)

    def where(self, chosen: npt.NDArray[np.bool_]) -> "_Part":
        return _Part(self.at_s[chosen], self.values[:, chosen])


class Growing:
    """The rows of one file, as far as they were read and placed.

    Rows are to be had in two ways: all so far, and those that were not taken yet. A row that comes
    late, when later ones were taken already, is among the next that are taken.
    """

    def __init__(self, path: Path, room: Room | None = None) -> None:
        self.latest_s: float | None = None
        """Time of the latest row."""
        self._reader = Reader(path, room)
        self._unplaced: list[Block] = []
        self._parts: list[_Part] = []
        self._waiting: list[_Part] = []
        self._table: tuple[int, Table] = (0, EMPTY)
        self._left_out = ""

    @property
    def fault(self) -> str:
        """What was skipped, one sentence; empty when nothing was."""
        return self._reader.fault or self._left_out

    @property
    def header(self) -> Mapping[str, Any]:
        return self._reader.header

    @property
    def is_cut_off(self) -> bool:
        """Whether the file ends in the midst of a block, or of its header."""
        return self._reader.left > 0

    def refresh(self) -> None:
        """Read what is new; it counts when it was placed."""
        self._unplaced += self._reader.fresh()

    def place(self, seconds: Seconds) -> bool:
        """Put what was read on the time axis; False when there was nothing."""
        if not self._unplaced:
            return False
        blocks, self._unplaced = self._unplaced, []
        at_s = seconds(self.header, np.concatenate([block.at_ns for block in blocks]))
        part = _Part(at_s, np.concatenate([block.values for block in blocks], axis=1))
        good = (at_s >= EARLIEST_S) & (at_s <= LATEST_S)
        if not good.all():
            name = self._reader.path.name
            self._left_out = f"{name} holds times outside of the run; they were left out."
            part = part.where(good)
        self._keep(part)
        return True

    def table(self) -> Table:
        """All rows so far, in the order of their times."""
        count, table = self._table
        if count != len(self._parts):
            table = self._joined(self._parts)
            self._table = (len(self._parts), table)
        return table

    def take(self, end_s: float) -> Table:
        """The rows before `end_s` that were not taken yet, in the order of their times."""
        taken: list[_Part] = []
        waiting: list[_Part] = []
        for part in self._waiting:
            before = part.at_s < end_s
            taken += [part] if before.all() else [part.where(before)]
            waiting += [] if before.all() else [part.where(~before)]
        self._waiting = waiting
        return self._joined(taken)

    def _keep(self, part: _Part) -> None:
        if not len(part):
            return
        latest_s = float(part.at_s.max())
        self.latest_s = latest_s if self.latest_s is None else max(self.latest_s, latest_s)
        self._parts.append(part)
        self._waiting.append(part)

    def _joined(self, parts: Sequence[_Part]) -> Table:
        names = self._reader.columns
        if not parts:
            return Table(np.empty(0), {name: np.empty(0) for name in names if name != AT})
        at_s, values = parts[0].at_s, parts[0].values
        if len(parts) > 1:
            at_s = np.concatenate([part.at_s for part in parts])
            values = np.concatenate([part.values for part in parts], axis=1)
        if (np.diff(at_s) < 0).any():
            order = np.argsort(at_s, kind="stable")
            at_s, values = at_s[order], values[:, order]
        rows = zip(names, values.astype(np.float64), strict=True)
        return Table(at_s, {name: row for name, row in rows if name != AT})
