import asyncio
import json
import socket
from typing import Any

from imageclf.serving.gateway import http


class HastyProtocol(http.Protocol):
    """The protocol with less patience, for the test."""

    headers_s = 0.05


async def nothing_here(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def answered(protocol: type[http.Protocol], *parts: bytes) -> bytes:
    """What comes back on one connection until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = http.server(nothing_here, 1, protocol)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        for part in parts:
            writer.write(part)
        answer = await reader.read()
        writer.close()
        server.should_exit = True
        await serving
        return answer


def test_headers_that_do_not_end_are_cut_off() -> None:
    answer = asyncio.run(answered(HastyProtocol, b"GET / HTTP/1.1\r\nA: b\r\n"))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "too-slow"


def test_who_says_nothing_is_hung_up_on_without_a_word() -> None:
    assert asyncio.run(answered(HastyProtocol)) == b""


def test_headers_behind_an_earlier_request_are_bounded_as_well() -> None:
    endless = b"A: " + b"b" * (http.HEADERS_BYTES * 4)
    answer = asyncio.run(
        answered(http.Protocol, b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n", endless)
    )
    assert b"HTTP/1.1 431 " in answer
