import contextlib
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.serving.requests_of_all_kinds import JPEG, garbled
from tests.serving.responder_headers import as_http
from tests.serving.server.raw import connected, statuses
from tests.serving.server.running import Server

REQUESTS = 2000
GROWTH_MIB = 40

_LINES = (
    b"POST /invocations HTTP/1.1",
    b"POST /invocations HTTP/1.0",
    b"POST /invocations HTTP/9.9",
    b"post /invocations HTTP/1.1",
    b"POST  /invocations HTTP/1.1",
    b"POST /invocations?a=%00 HTTP/1.1",
    b"POST /../../etc/passwd HTTP/1.1",
    b"POST /models HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00",
)
_GAMES = (
    b"",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 3\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Accept: " + b"a" * 5000 + b"\r\n",
    b"X: \x01\x02\r\n",
    b"X\x00: y\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"X-Amzn-SageMaker-Inference-Id: \xff\xfe\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Host: b\r\n",
)


def malformed(draw: random.Random) -> list[bytes]:
    """The bytes of one request that is wrong in some way, in the parts they are sent in."""
    kind = draw.randrange(10)
    if kind == 0:
        return [draw.randbytes(draw.choice((1, 30, 3000)))]
    if kind == 1:
        return [_head(draw, len(JPEG)), JPEG[: draw.randrange(len(JPEG))] + b"\r\n\r\n" * 400]
    if kind == 2:
        return [_head(draw, 2 << 20), bytes(2 << 20)]
    body = garbled(draw)
    whole = as_http(body, draw.choice(_LINES), draw.choice(_GAMES))
    if kind == 3:
        cut = draw.randrange(len(whole))
        return [whole[:cut], whole[cut:]]
    return [whole]


def _head(draw: random.Random, length: int) -> bytes:
    line = draw.choice(_LINES[:2])
    return line + b"\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length


@pytest.mark.timeout(200)
def test_nothing_malformed_is_a_fault_of_ours(server: Server) -> None:
    draw = random.Random(5)
    requests = [malformed(draw) for _ in range(REQUESTS)]
    processes = server.family()
    with ThreadPoolExecutor(8) as callers:
        found = list(callers.map(lambda parts: statuses(_answers(server, parts)), requests[:400]))
        before = memory_mib(server)
        found += callers.map(lambda parts: statuses(_answers(server, parts)), requests[400:])
    counted = Counter(status for answers in found for status in answers)
    assert not [status for status in counted if status >= 500], counted
    assert counted[400] > 100
    assert server.post(JPEG)[0] == 200
    assert server.family() == processes
    assert memory_mib(server) - before < GROWTH_MIB


def _answers(server: Server, parts: list[bytes]) -> bytes:
    with connected(server) as connection:
        with contextlib.suppress(OSError):
            for part in parts:
                connection.sendall(part)
            connection.settimeout(0.5)  # what is cut off would be waited for, and is hung up on
        with contextlib.suppress(TimeoutError):
            return connection.recv(65_536)
    return b""


def memory_mib(server: Server) -> float:
    """Proportional memory of all processes of the server but the JVM, whose heap has a bound."""
    jvm = server.jvm()
    own = [one for one in [psutil.Process(server.process.pid), *server.family()] if one != jvm]
    return sum(one.memory_full_info().pss for one in own) / 2**20
