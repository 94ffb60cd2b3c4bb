"""How far an epoch is: a bar in a terminal, a line now and then in a log."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

log = logging.getLogger(__name__)

_LINE_EVERY_S = 30.0


class Progress:
    """Shows the batches of one epoch; silent where `shown` is false (all ranks but the first)."""

    def __init__(
        self, epoch: int, epochs: int, batches: int, first_batch: int, shown: bool
    ) -> None:
        self._name = f"epoch {epoch}/{epochs}"
        self._batches = batches
        self._done = first_batch
        self._shown = shown
        self._last_line = time.monotonic()
        terminal = shown and sys.stderr.isatty()
        self._bar = (
            tqdm(total=batches, initial=first_batch, desc=self._name, unit="batch", leave=False)
            if terminal
            else None
        )

    def advance(self) -> None:
        """One batch more is done."""
        self._done += 1
        if self._bar is not None:
            self._bar.update()
        elif self._shown and time.monotonic() - self._last_line > _LINE_EVERY_S:
            self._last_line = time.monotonic()
            log.info("%s: batch %d of %d", self._name, self._done, self._batches)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
