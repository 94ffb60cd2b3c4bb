import asyncio

import psutil

from bench.soak import soak
from tests.serving.requests_of_all_kinds import JPEG
from tests.serving.server.running import Server


def test_memory_does_not_grow(server: Server) -> None:
    top = psutil.Process(server.process.pid)
    soaked = asyncio.run(soak(server.port, top, JPEG, 1600, points=8))
    assert soaked.statuses.keys() == {200, 400}
    assert soaked.verdict == "memory does not grow", soaked
