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

    def line_up(self) -> asyncio.Future[None]:
        """A turn, done as soon as there is a place; `leave` gives the one or the other back.

        Raises:
            FullError: the line is full.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.inside < self.width and not self._line:
            self.inside += 1
            turn.set_result(None)
        elif len(self._line) < self.waiting:
            self._line.append(turn)
        else:
            raise FullError
        return turn

    def leave(self, turn: asyncio.Future[None]) -> None:
        """Give the place, or the one in line, to the next."""
        if turn in self._line:
            self._line.remove(turn)
        elif self._line:
            self._line.popleft().set_result(None)
        else:
            self.inside -= 1
