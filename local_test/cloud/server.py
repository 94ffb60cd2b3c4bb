"""The HTTP server of the local cloud: waitress, told what large uploads and long answers need.

A body is read wholly before its request is answered, beyond some megabytes into a file, so that
uploads of gigabytes cost no memory.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import waitress
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.task import WSGITask

from imageclf.errors import SettingsError
from local_test.cloud.settings import HOST

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_THREADS = 96
"""An invocation holds one until the model has answered."""

_CONNECTIONS = 900
_MEMORY_BYTES = 7 << 20
"""Longer bodies are written to a file; those of invocations (6,291,456 bytes) need none."""

_PENDING_BYTES = 1 << 20
"""So much of an answer may wait for its client before its thread waits too."""

_LARGEST_BYTES = 64 << 30
_READ_BYTES = 256 << 10
_IDLE_S = 300
_LOOK_EVERY_S = 0.02
_METADATA = b"x-amz-meta-"
_METADATA_NAME = re.compile(rb"(?mi)^x-amz-meta-[^:\r]+")


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Keeps the names of S3's metadata that have an underscore, which waitress drops.

    Nobody is told to go on with a body that is empty: waitress would wait for it for ever. The
    AWS CLI 1.46 then waits for a second answer to its next upload: the connection has to end.
    """

    expect_continue: bool

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if self.expect_continue and not self.content_length and not self.chunked:
            self.expect_continue = False
            self.headers["CONNECTION"] = "close"
        self.preserved: dict[str, str] = {}
        for line in header_plus.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            key = name.upper().replace(b"-", b"_").decode("latin-1")
            is_ours = b"_" in name and name.lower().startswith(_METADATA)
            if is_ours and key not in self.headers:
                self.headers[key] = value.strip(b" \t").decode("latin-1")
                self.preserved[f"HTTP_{key}"] = name.decode("latin-1")


class _Task(WSGITask):  # type: ignore[misc]
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = getattr(self.request, "preserved", {})
        return environ

    def build_response_header(self) -> bytes:
        """The names of S3's metadata in small letters, as S3 and what reads them have them."""
        header: bytes = super().build_response_header()
        return _METADATA_NAME.sub(lambda name: name[0].lower(), header)


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    task_class = _Task


class Server:
    """Answers at 127.0.0.1 with `application`, from `start` to the end of the process."""

    def __init__(self, listener: socket.socket, application: Application) -> None:
        self._server = waitress.create_server(
            application,
            sockets=[listener],
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            recv_bytes=_READ_BYTES,
            inbuf_overflow=_MEMORY_BYTES,
            outbuf_overflow=2 * _PENDING_BYTES,
            outbuf_high_watermark=_PENDING_BYTES,
            max_request_body_size=_LARGEST_BYTES,
            channel_timeout=_IDLE_S,
            asyncore_use_poll=True,
            log_socket_errors=False,
            ident="local-cloud",
        )
        self._server.channel_class = _Channel
        self._thread = threading.Thread(target=self._server.run, name="http", daemon=True)

    def start(self) -> None:
        """Answer from now on, in threads of its own."""
        self._thread.start()

    def drain(self, timeout_s: float) -> bool:
        """Wait until every request that came is answered; whether that was in time."""
        deadline = time.monotonic() + timeout_s
        while self._is_busy() and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
        return not self._is_busy()

    def _is_busy(self) -> bool:
        channels = list(self._server.active_channels.values())
        return any(one.requests or one.total_outbufs_len for one in channels)


def listen(port: int) -> socket.socket:
    """A socket that listens on loopback, on any free port when `port` is 0.

    Raises:
        SettingsError: the port is taken, or may not be used.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Port {port} of {HOST} cannot be used ({error.strerror}); stop what listens there, or "
            "choose another with LOCAL_CLOUD_PORT."
        ) from error
    return listener
