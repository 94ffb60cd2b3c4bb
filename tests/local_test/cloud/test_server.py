import hashlib
import http.client
import io
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from imageclf.errors import SettingsError
from local_test.cloud.server import Server, listen

PIECE = bytes(range(256)) * 4096  # 1 MiB


class Application:
    """Answers with the digest of the body, once `gate` is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.arrived = threading.Event()
        self.environ: dict[str, Any] = {}
        self.was_file = False

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.environ = environ
        self.was_file = not isinstance(environ["wsgi.input"], io.BytesIO)
        self.arrived.set()
        digest = hashlib.sha256()
        while piece := environ["wsgi.input"].read(1 << 20):
            digest.update(piece)
        self.gate.wait(30)
        answer = digest.hexdigest().encode()
        start("200 OK", [("Content-Length", str(len(answer)))])
        return [answer]


def serving(application: Application) -> tuple[Server, int]:
    listener = listen(0)
    port = int(listener.getsockname()[1])
    server = Server(listener, application)
    server.start()
    return server, port


def put(port: int, body: Iterable[bytes], headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("PUT", "/key", body, headers)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_large_body_arrives_whole_and_is_not_held_in_memory(is_chunked: bool) -> None:
    application = Application()
    _, port = serving(application)
    headers = {} if is_chunked else {"Content-Length": str(40 << 20)}
    answer = put(port, (PIECE for _ in range(40)), headers)
    assert answer == hashlib.sha256(PIECE * 40).hexdigest()
    assert application.was_file
    assert application.environ["CONTENT_LENGTH"] == str(40 << 20)


def test_names_of_metadata_keep_their_underscores() -> None:
    application = Application()
    _, port = serving(application)
    put(port, [b""], {"Content-Length": "0", "x-amz-meta-Run_Id": "7", "other_header": "8"})
    environ = application.environ
    assert environ["HTTP_X_AMZ_META_RUN_ID"] == "7"
    assert environ["moto.preserved_header_names"] == {"HTTP_X_AMZ_META_RUN_ID": "x-amz-meta-Run_Id"}
    assert "HTTP_OTHER_HEADER" not in environ


@pytest.mark.parametrize("body", [b"", b"x"])
def test_whoever_asks_before_sending_is_told_to_go_on_or_that_it_is_over(body: bytes) -> None:
    _, port = serving(Application())
    with socket.create_connection(("127.0.0.1", port), 30) as client, client.makefile("rb") as told:
        head = f"PUT /key HTTP/1.1\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        client.sendall(head.encode())
        if body:
            assert told.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert told.readline() == b"\r\n"
            client.sendall(body)
        assert told.readline() == b"HTTP/1.1 200 OK\r\n"
        headers = http.client.parse_headers(told)
        assert told.read(64).decode() == hashlib.sha256(body).hexdigest()
        is_over = headers["Connection"] == "close" and told.read() == b""
        assert is_over is not bool(body)


def test_a_request_that_has_come_is_answered_before_the_end() -> None:
    application = Application()
    application.gate.clear()
    server, port = serving(application)
    answers: list[str] = []
    thread = threading.Thread(
        target=lambda: answers.append(put(port, [b"x"], {"Content-Length": "1"}))
    )
    thread.start()
    assert application.arrived.wait(30)
    assert not server.drain(0.05)
    application.gate.set()
    assert server.drain(30)
    thread.join(30)
    assert answers == [hashlib.sha256(b"x").hexdigest()]


def test_ninety_requests_are_answered_side_by_side() -> None:
    application = Application()
    together = threading.Barrier(90)

    def wait(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        together.wait(30)
        return Application.__call__(application, environ, start)

    listener = listen(0)
    port = int(listener.getsockname()[1])
    Server(listener, wait).start()
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(put(port, [b""], {"Content-Length": "0"})))
        for _ in range(90)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 90


def test_a_port_is_listened_at_by_one_only() -> None:
    with listen(0) as first:
        first.listen()
        with pytest.raises(SettingsError, match="choose another with LOCAL_CLOUD_PORT"):
            listen(first.getsockname()[1])
