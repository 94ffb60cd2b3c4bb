"""One table as it grows: the blocks of its file, on the time axis of the run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imageclf.profiler.files.blocks import Block, Reader
from imageclf.profiler.names import AT
from imageclf.profiler.recorded import EMPTY, Floats, Table

Seconds = Callable[[Mapping[str, Any], Any], Floats]
"""Makes seconds of the run out of a file's header and `at_ns`."""


class Growing:
    """The rows of one file, as far as they were read."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path)
        self._parts: list[Block] = []
        self._table: tuple[int, Table] = (0, EMPTY)

    @property
    def fault(self) -> str:
        return self._reader.fault

    @property
    def header(self) -> Mapping[str, Any]:
        return self._reader.header

    def refresh(self) -> None:
        """Read what is new."""
        self._parts += [block for block in self._reader.fresh() if len(block.at_ns)]

    def table(self, seconds: Seconds) -> Table:
        """All rows so far, in the order of their times."""
        count, table = self._table
        if not self._parts:
            return EMPTY
        if count != len(self._parts):
            table = self._joined(seconds)
            self._table = (len(self._parts), table)
        return table

    def _joined(self, seconds: Seconds) -> Table:
        at_s = seconds(self.header, np.concatenate([part.at_ns for part in self._parts]))
        rows = np.concatenate([part.rows for part in self._parts])
        order = np.argsort(at_s, kind="stable")
        columns = self._reader.columns
        return Table(
            at_s[order],
            {
                name: rows[order, place].astype(np.float64)
                for place, name in enumerate(columns)
                if name != AT
            },
        )
