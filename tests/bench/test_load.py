import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.serving.load import Load, request

PICTURES = (b"first picture", b"second picture" * 10_000)


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = 0
    bodies: list[bytes]

    def setup(self) -> None:
        super().setup()
        type(self).connections += 1

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(200, {"Content-Length": "2"})

    def reply(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's name
        pass


class Refusing(Answering):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(503, {"Content-Length": "2"})


class HangingUp(Answering):
    def do_POST(self) -> None:
        self.close_connection = True


class SayingGoodbye(Answering):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(200, {"Content-Length": "2", "Connection": "close"})


@contextmanager
def served(kind: type[Answering]) -> Iterator[int]:
    kind.bodies, kind.connections = [], 0
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def loaded(kind: type[Answering], clients: int = 3) -> Load:
    """A load that saw enough; on a busy machine that may take more than one run."""
    with served(kind) as port:
        requests = [request(port, "/predict", picture) for picture in PICTURES]
        load = Load(port, requests, clients)
        while len(load.latencies_s) + sum(load.errors.values()) <= 4 * clients:
            asyncio.run(load.run(0.0, 0.2))
    return load


def test_counts_answers_and_their_latencies() -> None:
    load = loaded(Answering)
    assert load.latencies_s
    assert min(load.latencies_s) > 0
    assert not load.errors
    assert load.cpu_share > 0


def test_sends_every_picture_whole_over_connections_that_it_keeps() -> None:
    loaded(Answering, clients=2)
    assert set(Answering.bodies) == set(PICTURES)
    assert Answering.connections < len(Answering.bodies)


def test_an_answer_other_than_200_is_an_error_by_its_status() -> None:
    load = loaded(Refusing)
    assert load.errors["503"] > 0
    assert not load.latencies_s


def test_a_connection_lost_before_the_answer_is_an_error() -> None:
    load = loaded(HangingUp)
    assert load.errors["connection"] > 0
    assert not load.latencies_s


def test_a_server_that_says_goodbye_is_called_again() -> None:
    load = loaded(SayingGoodbye)
    assert not load.errors
    assert SayingGoodbye.connections > 3


def test_nobody_listening_is_an_error() -> None:
    with served(Answering) as port:
        pass
    load = Load(port, [request(port, "/", b"x")], clients=1)
    asyncio.run(load.run(0.0, 0.1))
    assert load.errors["refused"] > 0


def test_only_what_is_answered_while_measuring_counts() -> None:
    load = Load(1, [], clients=1)
    load._begin, load._end = 10.0, 20.0
    for answered in (9.9, 10.0, 19.9, 20.1):
        load.count(200, answered - 0.5, answered)
    assert len(load.latencies_s) == 2
