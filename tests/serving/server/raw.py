"""Bytes over a socket, as no well-behaved client sends them."""

import contextlib
import socket
from collections.abc import Iterable

from tests.serving.server.running import HOST, PATIENCE_S, Server


def sent(server: Server, *parts: bytes) -> bytes:
    """All that comes back until the server closes; nothing when it resets the connection."""
    with connected(server) as connection:
        with contextlib.suppress(OSError):
            for part in parts:
                connection.sendall(part)
        return until_closed(connection)


def connected(server: Server) -> socket.socket:
    return socket.create_connection((HOST, server.port), timeout=PATIENCE_S)


def until_closed(connection: socket.socket) -> bytes:
    return b"".join(_parts(connection))


def statuses(answers: bytes) -> list[int]:
    """The statuses of all answers in what came back."""
    lines = [line for line in answers.split(b"\r\n") if b"HTTP/1.1 " in line]
    return [int(line.split(b"HTTP/1.1 ")[1][:3]) for line in lines]


def _parts(connection: socket.socket) -> Iterable[bytes]:
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65_536):
            yield part
