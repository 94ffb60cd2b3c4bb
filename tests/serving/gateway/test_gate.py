import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from imageclf.serving.gateway.gate import FullError, Gate


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_places_go_to_those_who_wait_longest() -> None:
    async def test() -> None:
        gate = Gate(width=1, waiting=2)
        first, second, third = (gate.line_up() for _ in range(3))
        assert [turn.done() for turn in (first, second, third)] == [True, False, False]
        gate.leave(first)
        assert [second.done(), third.done(), gate.inside, gate.length] == [True, False, 1, 1]

    run(test())


def test_a_full_line_takes_nobody() -> None:
    async def test() -> None:
        gate = Gate(width=1, waiting=1)
        gate.line_up()
        gate.line_up()
        with pytest.raises(FullError):
            gate.line_up()
        assert (gate.inside, gate.length) == (1, 1)

    run(test())


def test_who_gives_up_leaves_no_gap_in_line_or_inside() -> None:
    async def test() -> None:
        gate = Gate(width=1, waiting=3)
        first, second, third = (gate.line_up() for _ in range(3))
        gate.leave(second)
        gate.leave(first)
        assert third.done()
        gate.leave(third)
        assert (gate.inside, gate.length) == (0, 0)
        assert gate.line_up().done()

    run(test())
