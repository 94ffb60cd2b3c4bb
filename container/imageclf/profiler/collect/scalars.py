"""A few figures of the last steps for TensorBoard: speed, waiting for data, use of the machine."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.collect.board import Board
from imageclf.profiler.collect.tally import Tally
from imageclf.profiler.files.reading import Reader

EVERY_S = 10.0


class Scalars:
    """Writes to `board` now and then; not in the thread that trains.

    Args:
        samples: the file of this host's samples, which may come later.

    `first_step` counts the steps that lie behind, from an earlier run of the training.
    """

    def __init__(self, board: Board, tally: Tally, samples: Path, every_s: float = EVERY_S) -> None:
        self.first_step = 0
        self._board = board
        self._tally = tally
        self._samples = Reader(samples)
        self._every_s = every_s
        self._written_s = time.monotonic()

    def write(self, last: bool = False) -> None:
        """Write what came since the last time, if it is time or the `last` time."""
        now_s = time.monotonic()
        if not last and now_s - self._written_s < self._every_s:
            return
        self._written_s = now_s
        figures = self._tally.take()
        if figures:
            values = {**figures, **dict(self._machine())}
            self._board.scalars(self.first_step + self._tally.all_steps, values)

    def close(self) -> None:
        """Write the rest; nothing follows."""
        self.write(last=True)
        self._board.close()

    def _machine(self) -> Iterator[tuple[str, float]]:
        blocks = self._samples.fresh()
        if not blocks:
            return
        rows = np.concatenate([block.values for block in blocks], axis=1)
        for place, column in enumerate(self._samples.columns):
            gpu, _, measured = column.partition("_")
            of_gpu = gpu.removeprefix("gpu").isdecimal() and measured == names.GPU_UTILIZATION
            if column in {names.CPU, names.IO_WAIT} or of_gpu:
                values = rows[place]
                if np.isfinite(values).any():
                    yield f"profiler/{column}_percent", float(np.nanmean(values))
