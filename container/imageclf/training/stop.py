"""The stop signal: SIGTERM (a stopped job, a reclaimed spot instance) and Ctrl-C.

Outside of `deferred` a signal ends the program where it stands, by `StopRequested`. Inside, it
only sets `requested`, and the loop ends at the next step with a checkpoint.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM
"""What a gracefully stopped training ends with."""


class StopRequested(BaseException):
    """The platform or the user asked the program to end. Not an error, so no `except` takes it."""


class StopSignal:
    """Listens for SIGTERM and SIGINT from `install` on."""

    def __init__(self) -> None:
        self.requested = False
        self._deferred = False

    def install(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Inside, a signal is only noted; on leaving, a noted one ends the program."""
        self.check()
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        self.check()

    def check(self) -> None:
        """Raise StopRequested when a signal has come."""
        if self.requested:
            raise StopRequested

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        first, self.requested = not self.requested, True
        if first and not self._deferred:
            raise StopRequested
