import json
import signal
from collections import Counter

import pytest

from tests.serving.requests_of_all_kinds import JPEG
from tests.serving.server.raw import connected, sent, statuses, until_closed
from tests.serving.server.running import Server, halt, wait_until

CLOSE = b"Host: a\r\nConnection: close\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(JPEG)
POST = b"POST /invocations HTTP/1.1\r\n"
PING = b"GET /ping HTTP/1.1\r\n" + CLOSE + b"\r\n"
MIB = 1 << 20


def test_a_picture_is_answered_with_the_name_of_the_request(server: Server) -> None:
    status, headers, body = server.post(JPEG, X_Amzn_SageMaker_Inference_Id="abc-1")
    assert (status, headers["x-amzn-sagemaker-inference-id"]) == (200, "abc-1")
    assert json.loads(body)["model"]["name"] == "insects"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping", 200),
        ("HEAD", "/ping", 200),
        ("POST", "/ping", 405),
        ("GET", "/execution-parameters", 200),
        ("GET", "/invocations", 405),
        ("PUT", "/invocations", 405),
        ("GET", "/", 404),
        ("GET", "/models", 404),
        ("POST", "/models?url=http://a/b.mar", 404),
        ("DELETE", "/models/m1", 404),
        ("POST", "/predictions/m1", 404),
        ("GET", "/api-description", 404),
        ("GET", "/invocations/../ping", 404),
        ("GET", "/%70ing", 404),
        ("GET", "//ping", 404),
        ("OPTIONS", "/", 404),
        ("GET", f"/{'a' * 9000}", 414),
    ],
)
def test_nothing_else_is_there(server: Server, method: str, path: str, status: int) -> None:
    answer, headers, body = server.ask(method, path)
    assert answer == status
    assert ("allow" in headers) == (status == 405)
    assert method == "HEAD" or len(body) == int(headers["content-length"])


@pytest.mark.parametrize("framing", ["announced", "chunked", "expected"])
def test_who_sends_too_much_gets_to_read_so(server: Server, framing: str) -> None:
    body = bytes(2 * MIB)
    if framing == "chunked":
        head, content = b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n" % (len(body), body)
    else:
        expect = b"Expect: 100-continue\r\n" if framing == "expected" else b""
        head, content = expect + b"Content-Length: %d\r\n\r\n" % len(body), body
    answer = sent(server, POST + b"Host: a\r\n" + head, *([] if expect_only(head) else [content]))
    assert statuses(answer) == [413]
    assert b'"too-large"' in answer


def expect_only(head: bytes) -> bool:
    return head.startswith(b"Expect")


def test_who_asks_first_is_told_to_go_on(server: Server) -> None:
    head = POST + CLOSE + b"Expect: 100-continue\r\n" + LENGTH
    assert statuses(sent(server, head, JPEG)) == [100, 200]


def test_a_body_may_come_in_chunks_and_from_old_clients(server: Server) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (1, JPEG[i : i + 1]) for i in range(len(JPEG)))
    head = POST + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
    assert statuses(sent(server, head, chunks + b"0\r\n\r\n")) == [200]
    assert statuses(sent(server, b"POST /invocations HTTP/1.0\r\n" + LENGTH, JPEG)) == [200]


def test_one_connection_serves_many_requests_in_their_order(server: Server) -> None:
    first = POST + b"Host: a\r\n" + LENGTH + JPEG
    second = b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
    assert statuses(sent(server, first + second + first + PING)) == [200, 404, 200, 200]


def test_an_upgrade_is_not_made(server: Server) -> None:
    upgrade = b"Upgrade: h2c\r\nConnection: Upgrade\r\n"
    assert statuses(sent(server, b"GET /ping HTTP/1.1\r\nHost: a\r\n" + upgrade + b"\r\n")) == [200]


def test_long_headers_for_the_worker_are_refused(server: Server) -> None:
    status, _, body = server.post(JPEG, Accept="a" * 5000)
    assert (status, b"headers-too-large" in body) == (431, True)


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Content-Length: 0\r\nContent-Length: 36\r\n\r\n" + SMUGGLED,
        b"Content-Length: 0, 36\r\n\r\n" + SMUGGLED,
        b"Content-Length: +0\r\n\r\n" + SMUGGLED,
        b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
        b"Content-Length : 0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: identity\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: chunked\r\n\r\n0;\n\r\n" + SMUGGLED,
        b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + SMUGGLED,
        b"A: b\n\n" + SMUGGLED,
        b"A: b\x00c\r\n\r\n" + SMUGGLED,
        b"A: b\rc: d\r\n\r\n" + SMUGGLED,
        b" folded: b\r\n\r\n" + SMUGGLED,
        b"no colon\r\n\r\n" + SMUGGLED,
        b"".join(b"A%d: b\r\n" % number for number in range(10_000)) + b"\r\n" + SMUGGLED,
        b"A: " + bytes(200_000) + b"\r\n\r\n" + SMUGGLED,
    ],
)
def test_no_second_request_is_smuggled_in(server: Server, request_bytes: bytes) -> None:
    answers = statuses(sent(server, POST + b"Host: a\r\n" + request_bytes))
    assert len(answers) <= 1
    assert all(400 <= status < 500 for status in answers)
    assert not [line for line in server.log() if "smuggled" in line["message"]]


@pytest.mark.parametrize(
    "line", [b"GET http://a/ping HTTP/1.1", b"CONNECT a:80 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"\0"]
)
def test_only_paths_are_asked_for(server: Server, line: bytes) -> None:
    assert statuses(sent(server, line + b"\r\nHost: a\r\n\r\n")) == [400]


def test_rubbish_behind_a_request_does_not_take_its_answer(server: Server) -> None:
    request = POST + b"Host: a\r\n" + LENGTH + JPEG
    assert statuses(sent(server, request + b"\0rubbish\r\n\r\n"))[0] == 200


def test_a_full_line_is_told_to_come_again_and_who_hangs_up_is_dropped(server: Server) -> None:
    worker = server.workers()[0]
    halt(worker)
    found: Counter[tuple[int, str]] = Counter()
    try:
        waiting = [connected(server) for _ in range(10)]
        for connection in waiting:
            connection.sendall(POST + CLOSE + LENGTH + JPEG)
        wait_until(lambda: refuses(server), "full", server)
        status, headers, _ = server.post(JPEG)
        found[status, headers["retry-after"]] += 1
        dropped = hung_up(server)
        waiting.pop().close()
        wait_until(lambda: hung_up(server) > dropped, "dropped", server)
        late = connected(server)
        late.sendall(POST + CLOSE + LENGTH + JPEG)
        assert server.get("/ping")[0] == 200
    finally:
        worker.send_signal(signal.SIGCONT)
    answers = [statuses(until_closed(connection)) for connection in [*waiting, late]]
    assert found == {(429, "1"): 1}
    assert answers == [[200]] * 10


def refuses(server: Server) -> bool:
    """Whether a newcomer finds the line full; one who is let in hangs up again."""
    dropped = hung_up(server)
    with connected(server) as newcomer:
        newcomer.sendall(POST + CLOSE + LENGTH + JPEG)
        newcomer.settimeout(0.5)
        try:
            return statuses(until_closed(newcomer)) == [429]
        except TimeoutError:
            pass
    wait_until(lambda: hung_up(server) > dropped, "dropped", server)
    return False


def hung_up(server: Server) -> int:
    return sum(line.get("status") == 499 for line in server.log())


def test_every_line_of_the_log_is_json_whatever_is_asked_for(server: Server) -> None:
    identifier = b'X-Amzn-SageMaker-Inference-Id: a"\xc2\x85\xff{"message": "ready"}\r\n'
    for path in (b"/\x85\xff%0a%0d\"{}'", b"/last-one"):
        sent(server, b"GET " + path + b" HTTP/1.1\r\n" + CLOSE + identifier + b"\r\n")
    wait_until(lambda: server.logged("GET /last-one"), "logged", server)
    lines = server.log()
    assert all(line.keys() >= {"time", "level", "message"} for line in lines)
    (last,) = server.logged("GET /last-one")
    assert (last["status"], len(last["inference_id"])) == (404, 32)
    assert not server.errors
