"""A light load generator: closed loop, keep-alive, a fixed number of clients.

    python -m bench.serving.load --port 8080 --path /invocations --pictures FOLDER
        --clients 8 --seconds 10 --warm-up 2

Each client posts one picture after the other. Bytes of requests are made beforehand; of an answer
only status and length are read, so that the cores are left to the server. Prints one JSON object:
answers, errors by kind, latencies from first byte sent to last byte read, and the share of a core
that this process took.
"""

import argparse
import asyncio
import contextlib
import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

HOST = "127.0.0.1"

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GOODBYE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_LAST_ANSWERS_S = 60.0
_RECONNECT_S = 0.05

NextRequest = Callable[[], bytes]


def main(arguments: Sequence[str] | None = None) -> None:
    """Put load on a server and print what came of it."""
    options = _options(arguments)
    requests = [
        request(options.port, options.path, path.read_bytes())
        for path in sorted(options.pictures.iterdir())
    ]
    load = Load(options.port, requests, options.clients)
    asyncio.run(load.run(options.warm_up, options.seconds))
    print(json.dumps(load.figures(options.seconds)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--pictures", type=Path, required=True, help="folder of JPEG files")
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds that do not count")
    return parser.parse_args(arguments)


def request(port: int, path: str, picture: bytes) -> bytes:
    """The bytes of a request that posts `picture`."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Type: image/jpeg\r\n"
        f"Accept: application/json\r\nContent-Length: {len(picture)}\r\n\r\n"
    )
    return head.encode() + picture


@dataclass
class Load:
    """One load: what to send, and what was counted between warm-up and end."""

    port: int
    requests: Sequence[bytes]
    clients: int
    latencies_s: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    cpu_share: float = 0.0
    _begin: float = math.inf
    _end: float = math.inf

    async def run(self, warm_up_s: float, seconds: float) -> None:
        """Warm up, measure, wait for the last answers; one without answer is an error."""
        self._begin = self._end = math.inf
        source = cycle(self.requests)
        tasks = [asyncio.create_task(_client(self, source.__next__)) for _ in range(self.clients)]
        await asyncio.sleep(warm_up_s)
        self._begin = time.perf_counter()
        self._end = self._begin + seconds
        cpu_s = time.process_time()
        await asyncio.sleep(seconds)
        self.cpu_share = (time.process_time() - cpu_s) / (time.perf_counter() - self._begin)
        _, unanswered = await asyncio.wait(tasks, timeout=_LAST_ANSWERS_S)
        for task in unanswered:
            self.errors["unanswered"] += 1
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def over(self) -> bool:
        """Whether the time to send requests has passed."""
        return time.perf_counter() >= self._end

    def count(self, status: int | str, sent: float, answered: float) -> None:
        """Take in one outcome; only what ends while measuring counts, but every error does."""
        if status != 200:
            self.errors[str(status)] += 1
        elif self._begin <= answered < self._end:
            self.latencies_s.append(answered - sent)

    def figures(self, seconds: float) -> dict[str, object]:
        """What is printed."""
        return {
            "seconds": seconds,
            "latencies_ms": [round(value * 1e3, 3) for value in self.latencies_s],
            "errors": dict(self.errors),
            "cpu_share": round(self.cpu_share, 4),
        }


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time; `last` once the server said goodbye."""

    def __init__(self) -> None:
        self.last = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._status: asyncio.Future[int] | None = None
        self._head = b""
        self._missing_bytes: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def post(self, content: bytes) -> asyncio.Future[int]:
        """Send a request; the future gives the status, or raises ConnectionError."""
        assert self._transport is not None
        self._status = self._loop.create_future()
        self._head, self._missing_bytes = b"", None
        if self._transport.is_closing():
            self._fail("closed by the server")
        else:
            self._transport.write(content)
        return self._status

    def data_received(self, data: bytes) -> None:
        """Read the head, then count bytes."""
        if self._missing_bytes is None:
            self._head += data
            head, blank, body = self._head.partition(b"\r\n\r\n")
            if not blank:
                return
            length = _LENGTH.search(head)
            if length is None:
                self._fail("answer without Content-Length")
                return
            self._missing_bytes = int(length[1]) - len(body)
            self.last = _GOODBYE.search(head) is not None
        else:
            self._missing_bytes -= len(data)
        if self._missing_bytes <= 0 and self._status and not self._status.done():
            self._status.set_result(int(self._head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request under way."""
        self._fail(f"lost: {exc}")

    def close(self) -> None:
        """Hang up."""
        assert self._transport is not None
        self._transport.abort()

    def _fail(self, reason: str) -> None:
        if self._status and not self._status.done():
            self._status.set_exception(ConnectionError(reason))


async def _client(load: Load, next_request: NextRequest) -> None:
    while not load.over():
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                Connection, HOST, load.port
            )
        except OSError:
            load.count("refused", 0, 0)
            await asyncio.sleep(_RECONNECT_S)
            continue
        with contextlib.closing(connection):
            await _converse(load, connection, next_request)


async def _converse(load: Load, connection: Connection, next_request: NextRequest) -> None:
    """Post until the time is over or the connection ends."""
    while not (load.over() or connection.last):
        sent = time.perf_counter()
        try:
            status = await connection.post(next_request())
        except ConnectionError:
            load.count("connection", sent, time.perf_counter())
            await asyncio.sleep(_RECONNECT_S)
            return
        load.count(status, sent, time.perf_counter())


if __name__ == "__main__":
    main()
