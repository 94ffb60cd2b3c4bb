"""Reading a request's body: no larger, no slower and not more at once than there is room for."""

import asyncio
import time

from imageclf.serving.gateway.answer import refuse
from imageclf.serving.gateway.call import Receive

READ_S = 30.0
"""Seconds in which a body has to arrive."""

_LINGER_S = 2.0
_LINGER_BODIES = 4


class GoneError(Exception):
    """The caller hung up."""


class Reader:
    """Reads bodies of at most `largest` bytes, `budget` bytes at the same time, in `read_s`."""

    def __init__(self, largest: int, budget: int, read_s: float = READ_S) -> None:
        self._read_s = read_s
        self.largest = largest
        self.budget = budget
        self.held = 0

    async def read(self, announced: int | None, receive: Receive) -> bytes:
        """The body; `held` counts it until `release`.

        Raises:
            RefusalError: 413 too large, 408 too slow, 429 no room for it now.
            GoneError: the caller hung up.
        """
        if announced is not None and announced > self.largest:
            raise self._too_large()
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._read_s):
                while True:
                    part, more = await _part(receive)
                    size += len(part)
                    self._hold(size, len(part))
                    parts.append(part)
                    if not more:
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError:
            self.release(size)
            raise refuse(
                408,
                "too-slow",
                f"The body did not arrive within {self._read_s:g} s; send it faster, or smaller.",
                close=True,
            ) from None
        except BaseException:
            self.release(size)
            raise

    def release(self, size: int) -> None:
        """Give back the room of a body."""
        self.held -= size

    async def linger(self, receive: Receive) -> None:
        """Take what a refused caller still sends, for a while, so that it gets to read why."""
        deadline = time.monotonic() + _LINGER_S
        taken = 0
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + _LINGER_S):
                while taken < _LINGER_BODIES * self.largest and time.monotonic() < deadline:
                    part, more = await _part(receive)
                    taken += len(part)
                    if not more:
                        return
        except (TimeoutError, GoneError):
            return

    def _hold(self, size: int, more: int) -> None:
        self.held += more
        if size > self.largest:
            raise self._too_large()
        if self.held > self.budget:
            raise refuse(
                429,
                "busy",
                "Too many bodies are on their way; try again in a moment.",
                close=True,
                retry_after="1",
            )

    def _too_large(self) -> Exception:
        return refuse(
            413,
            "too-large",
            f"The body is larger than {self.largest} bytes; send a smaller picture, or raise "
            "IMAGECLF_MAX_BODY_MB.",
            close=True,
        )


async def _part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise GoneError
    return message.get("body", b""), message.get("more_body", False)
