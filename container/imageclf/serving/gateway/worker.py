"""One worker as the gateway reaches it: over its own socket, several requests at a time."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from imageclf.serving.gateway.answer import Answer
from imageclf.serving.gateway.mms import BackendError
from imageclf.serving.wire import LENGTHS, head


class Worker:
    """A worker process, with a connection for each request that it ever had at the same time.

    As long as one of them is open the process lives. `gone` once it must not be asked any more.
    """

    def __init__(self, socket: Path) -> None:
        self.pid = int(socket.stem)
        self.socket = socket
        self.asked = 0
        """Requests that it owes an answer, those that nobody waits for any more included."""
        self.gone = False
        self._waited_since = 0.0
        self._idle: list[_Connection] = []

    @property
    def silent_s(self) -> float:
        """Seconds for which it has owed answers and given none."""
        return time.monotonic() - self._waited_since if self.asked else 0.0

    async def connect(self) -> None:
        """Have a connection in hand.

        Raises:
            OSError: nobody is there.
        """
        self._idle.append(await self._connected())

    async def predict(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Its answer.

        Raises:
            BackendError: it ended before it answered; the request may be sent again.
        """
        if not self.asked:
            self._waited_since = time.monotonic()
        self.asked += 1
        try:
            connection = await self._spare()
        except BaseException:
            self.asked -= 1
            raise
        answer = connection.ask(body, headers)
        answer.add_done_callback(partial(self._answered, connection))
        return await asyncio.shield(answer)

    def retire(self) -> None:
        """Ask it nothing more; it may end once it has answered what it has."""
        self.gone = True
        while self._idle:
            self._idle.pop().close()

    def _answered(self, connection: "_Connection", answer: asyncio.Future[Answer]) -> None:
        answer.exception()  # perhaps nobody waits any more, and asyncio would complain
        self.asked -= 1
        self._waited_since = time.monotonic()
        if self.gone:
            connection.close()
        else:
            self._idle.append(connection)

    async def _spare(self) -> "_Connection":
        try:
            return self._idle.pop() if self._idle else await self._connected()
        except OSError as error:
            self.gone = True
            raise BackendError(f"worker {self.pid} takes no more requests: {error}") from error

    async def _connected(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(
            lambda: _Connection(self.retire), str(self.socket)
        )
        return connection


class _Connection(asyncio.Protocol):
    """One request at a time; `lost` is called when the other side hangs up."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def ask(self, body: bytes, headers: Mapping[str, str]) -> asyncio.Future[Answer]:
        """The answer to come, or BackendError."""
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            self._fail()
        else:
            self._transport.writelines([head(headers, len(body)), body])
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        answer = _parsed(self._received)
        if answer is not None:
            self._received.clear()
            assert self._answer is not None
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._lost()
        self._fail()

    def _fail(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(BackendError("the worker ended"))


def _parsed(received: bytearray) -> Answer | None:
    """The answer, as soon as all of it is there."""
    if len(received) < LENGTHS.size:
        return None
    fields_bytes, body_bytes = LENGTHS.unpack_from(received)
    begin = LENGTHS.size + fields_bytes
    if len(received) < begin + body_bytes:
        return None
    fields = json.loads(received[LENGTHS.size : begin])
    return Answer(fields["status"], bytes(received[begin:]), fields["content-type"])
