import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from imageclf.serving.gateway.answer import RefusalError
from imageclf.serving.gateway.body import GoneError, Reader

Receive = Callable[[], Awaitable[dict[str, Any]]]


def arriving(*parts: bytes, ends: bool = True) -> Receive:
    """What a server hands on: these parts, and then nothing, or the end of the connection."""
    messages = [
        {"type": "http.request", "body": part, "more_body": not ends or number < len(parts)}
        for number, part in enumerate(parts, 1)
    ]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(0 if ends else 60)
        return {"type": "http.disconnect"}

    return receive


def status(reader: Reader, announced: int | None, receive: Receive) -> int:
    with pytest.raises(RefusalError) as caught:
        asyncio.run(reader.read(announced, receive))
    assert reader.held == 0
    return caught.value.answer.status


def test_a_body_is_held_until_it_is_given_back() -> None:
    reader = Reader(10, 100)
    assert asyncio.run(reader.read(None, arriving(b"abc", b"de"))) == b"abcde"
    assert reader.held == 5
    reader.release(5)
    assert reader.held == 0


def test_too_much_is_refused_announced_or_not() -> None:
    reader = Reader(10, 100)
    assert status(reader, 11, arriving(b"")) == 413
    assert status(reader, None, arriving(b"a" * 6, b"a" * 6)) == 413


def test_what_does_not_fit_beside_the_others_comes_again() -> None:
    reader = Reader(10, 15)
    asyncio.run(reader.read(None, arriving(b"a" * 8)))
    with pytest.raises(RefusalError) as caught:
        asyncio.run(reader.read(None, arriving(b"a" * 8)))
    assert (caught.value.answer.status, reader.held) == (429, 8)


def test_a_body_that_does_not_end_is_cut_off() -> None:
    assert status(Reader(10, 100, read_s=0.01), None, arriving(b"a", ends=False)) == 408


def test_who_hangs_up_is_noticed() -> None:
    reader = Reader(10, 100)
    cut_off = arriving()
    with pytest.raises(GoneError):
        asyncio.run(reader.read(5, cut_off))
    assert reader.held == 0
