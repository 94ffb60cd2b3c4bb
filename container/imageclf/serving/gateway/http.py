"""uvicorn with what a port that faces a network needs: bounds on headers, time and connections."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from imageclf.serving.gateway.answer import Answer

HEADERS_BYTES = 64 * 1024
HEADERS = 256
URL_BYTES = 8 * 1024
HEADERS_S = 10.0
"""Seconds in which a request's headers have to arrive."""
IDLE_S = 75.0
"""Seconds a connection may be idle; more than the 60 of AWS's load balancers."""
CONNECTIONS = 4096


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol; bad requests get JSON, slow or endless headers are cut off.

    A request that arrives while another is answered does not escape the bounds, and its refusal
    never takes the place of the other's answer.
    """

    headers_s = HEADERS_S

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._in_headers = True
        self._begun = False
        self._arriving = False
        self._refused = False
        self._turned = False
        self._headers_bytes = 0
        self._headers_timer = self.loop.call_later(self.headers_s, self._headers_late)
        if len(self.connections) > CONNECTIONS:
            self._refuse(503, "busy", "There are too many connections; try again in a moment.")

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.parser is None or self.transport.is_closing() or self._refused:
            return
        self._turned = False
        super().data_received(data)
        # Where headers begin in the midst of the data is not known; they are counted from the next.
        self._headers_bytes = 0 if self._turned else self._headers_bytes + len(data)
        if self._in_headers and self._headers_bytes > HEADERS_BYTES:
            self._refuse(431, "headers-too-large", f"Headers may have {HEADERS_BYTES} bytes.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._begun = self._arriving = True
        self._headers_timer.cancel()
        self._headers_timer = self.loop.call_later(self.headers_s, self._headers_late)

    def on_headers_complete(self) -> None:
        self._headers_timer.cancel()
        self._turned, self._in_headers, self._arriving = True, False, False
        self._check_headers()
        super().on_headers_complete()
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False  # what follows would not be HTTP

    def on_message_complete(self) -> None:
        self._turned, self._in_headers = True, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "bad-request", msg)

    def _check_headers(self) -> None:
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if not self.url.startswith(b"/"):
            self._refuse(400, "bad-request", "The request line must hold a path.")
        elif len(self.url) > URL_BYTES:
            self._refuse(414, "url-too-long", f"The path may have {URL_BYTES} bytes.")
        elif size > HEADERS_BYTES or len(self.headers) > HEADERS:
            message = f"There may be {HEADERS} headers of {HEADERS_BYTES} bytes together."
            self._refuse(431, "headers-too-large", message)
        else:
            return
        raise ConnectionAbortedError("the parser must not go on")

    def _headers_late(self) -> None:
        if self._arriving:
            message = f"The headers did not arrive within {self.headers_s:g} s."
            self._refuse(408, "too-slow", message)
        elif not self._begun:
            self.transport.close()

    def _refuse(self, status: int, word: str, message: str) -> None:
        """Answer what never became a request, behind the answers that are under way; hang up."""
        if self.transport.is_closing() or self._refused:
            return
        self._refused = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if not cycle.more_body:
                cycle.keep_alive = False
                return
            if cycle.response_started or self.pipeline:
                self.transport.close()
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


def server(app: Any, drain_s: float, protocol: type[Protocol] = Protocol) -> Server:
    """A server of `app`; to be run with `serve(sockets=[...])`."""
    config = uvicorn.Config(
        app,
        http=protocol,
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
