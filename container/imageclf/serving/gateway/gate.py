"""Who goes next: so many requests at a time, the others in line, in order, and no more than fit."""

import asyncio
from collections import deque


class FullError(Exception):
    """The line is as long as it may be."""


class Gate:
    """Lets `width` in at once and `waiting` stand in line, first come, first served.

    Unlike a semaphore it counts the line, and a place that becomes free goes to who waits longest,
    never to a newcomer.
    """

    def __init__(self, width: int, waiting: int) -> None:
        self.width = width
        self.waiting = waiting
        self.inside = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def length(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @property
    def is_full(self) -> bool:
        """Whether a newcomer would have to wait."""
        return self.inside >= self.width or bool(self._line)

    async def enter(self) -> None:
        """Wait for a place; `leave` gives it back.

        Raises:
            FullError: the line is full.
        """
        if not self.is_full:
            self.inside += 1
            return
        if len(self._line) >= self.waiting:
            raise FullError
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # the place came in the moment of giving up
            elif turn in self._line:
                self._line.remove(turn)
            raise

    def leave(self) -> None:
        """Give the place to the next in line."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.inside -= 1
