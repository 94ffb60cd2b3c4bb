import contextlib
import os
import socket
import stat
import struct
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imageclf.serving.answers import Response
from imageclf.serving.door import Answering, Door
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.wire import LENGTHS, head

PATIENCE_S = 20.0


def echo(headers: Mapping[str, str], body: bytes) -> Response:
    return Response(200, headers.get("kind", "text/plain"), body)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    run = RunFolder.create()
    yield run.path
    run.remove()


def opened(folder: Path, answering: Answering = echo, at_once: int = 2) -> Path:
    Door(answering, at_once, largest=1000).open(folder)
    return folder / f"{os.getpid()}.sock"


def connected(place: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_S)
    connection.connect(str(place))
    return connection


def asked(connection: socket.socket, body: bytes, **headers: str) -> bytes:
    """All of the answer; nothing when it hangs up."""
    connection.sendall(head(headers, len(body)) + body)
    with connection.makefile("rb") as stream:
        lengths = stream.read(LENGTHS.size)
        return stream.read(sum(LENGTHS.unpack(lengths))) if lengths else b""


def test_only_its_owner_may_use_it(folder: Path) -> None:
    place = opened(folder)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert list(folder.glob("*.new")) == []


def test_one_connection_carries_many_requests(folder: Path) -> None:
    with connected(opened(folder)) as connection:
        for body in (b"", b"picture", bytes(1000)):
            assert asked(connection, body, kind="a/b").endswith(b'"a/b"}' + body)


def test_what_a_dead_process_of_the_same_number_left_is_replaced(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / f"{os.getpid()}.sock"))
    with connected(opened(folder)) as connection:
        assert asked(connection, b"picture").endswith(b"picture")


def test_requests_are_answered_at_once_but_no_more_than_allowed(folder: Path) -> None:
    together, inside, most = threading.Barrier(2), [0], [0]
    lock = threading.Lock()

    def meeting(headers: Mapping[str, str], body: bytes) -> Response:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        together.wait(PATIENCE_S)
        with lock:
            inside[0] -= 1
        return echo(headers, body)

    place = opened(folder, meeting, at_once=2)

    def ask(number: int) -> bytes:
        with connected(place) as connection:
            return asked(connection, b"%d" % number)

    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(ask, range(6)))
    assert [answer[-1:] for answer in answers] == [b"%d" % number for number in range(6)]
    assert most == [2]


@pytest.mark.parametrize(
    "request_bytes",
    [
        head({}, 1001),
        LENGTHS.pack(1 << 20, 0),
        LENGTHS.pack(2, 5) + b"{}ab",
        b"\0\0",
        struct.pack("!II", 2, 0xFFFFFFFF) + b"{}",
    ],
)
def test_who_sends_too_much_or_too_little_is_hung_up_on_and_others_are_not(
    folder: Path, request_bytes: bytes
) -> None:
    place = opened(folder)
    with connected(place) as other:
        with connected(place) as connection:
            connection.sendall(request_bytes)
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(100) == b""
        assert asked(other, b"picture").endswith(b"picture")
