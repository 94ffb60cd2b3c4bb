"""uvicorn with what a port that faces a network needs: bounds on headers, time and connections."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from imageclf.serving.gateway.answer import Answer

HEADERS_BYTES = 64 * 1024
HEADERS_S = 10.0
"""Seconds in which a request's headers have to arrive."""
IDLE_S = 75.0
"""Seconds a connection may be idle; more than the 60 of AWS's load balancers."""
CONNECTIONS = 4096


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol; bad requests get JSON, slow or endless headers are cut off."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._headers_bytes = 0
        self._headers_timer: asyncio.TimerHandle | None = None
        if len(self.connections) > CONNECTIONS:
            self._refuse(503, "busy", "There are too many connections; try again in a moment.")
        else:
            self._await_headers()

    def data_received(self, data: bytes) -> None:
        if self.parser is None or self.transport.is_closing():
            return
        if self._in_headers:
            self._headers_bytes += len(data)
            if self._headers_timer is None:
                self._await_headers()
        super().data_received(data)
        if self._in_headers and self._headers_bytes > HEADERS_BYTES:
            self._refuse(431, "headers-too-large", f"Headers may have {HEADERS_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        self._headers_bytes = 0
        self._headers_in()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_in()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "bad-request", msg)

    @property
    def _in_headers(self) -> bool:
        """Whether what comes next belongs to the headers of a request."""
        return self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body)

    def _await_headers(self) -> None:
        self._headers_timer = self.loop.call_later(HEADERS_S, self._headers_late)

    def _headers_in(self) -> None:
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None

    def _headers_late(self) -> None:
        self._refuse(408, "too-slow", f"The headers did not arrive within {HEADERS_S:.0f} s.")

    def _refuse(self, status: int, word: str, message: str) -> None:
        """Answer what never became a request, and hang up."""
        if self.transport.is_closing():
            return
        answer = Answer.fault(status, word, message)
        head = (
            f"content-type: {answer.content_type}\r\ncontent-length: {len(answer.body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[status] + head.encode() + answer.body)
        self.transport.close()


class Server(uvicorn.Server):
    """uvicorn that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: Any, drain_s: float) -> Server:
    """A server of `app`; to be run with `serve(sockets=[...])`."""
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="uvloop",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=int(drain_s),
    )
    return Server(config)
