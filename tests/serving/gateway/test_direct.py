import asyncio
import json
import os
import socket
import threading
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from imageclf.serving.answers import Response
from imageclf.serving.door import Door
from imageclf.serving.gateway.answer import Answer
from imageclf.serving.gateway.direct import Direct
from imageclf.serving.gateway.mms import BackendError, Mms
from imageclf.serving.gateway.ways import Ways
from imageclf.serving.gateway.worker import Worker
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.wire import LENGTHS

KEY = "m1"
PATIENCE_S = 20.0


@pytest.fixture
def run() -> Iterator[RunFolder]:
    run = RunFolder.create()
    run.model(KEY).mkdir()
    yield run
    run.remove()


class FakeMms(Mms):
    """Answers everything itself."""

    async def predict(self, *_: Any) -> Answer:
        return Answer(200, b"by the server")


def tell(headers: Mapping[str, str], body: bytes) -> Response:
    return Response(201, headers["kind"], body)


def go(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, PATIENCE_S))


def dead(run: RunFolder, pid: int) -> Path:
    """The socket of a process that was killed."""
    place = run.model(KEY) / f"{pid}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
    return place


def test_a_worker_with_a_socket_is_asked_without_a_detour(run: RunFolder) -> None:
    async def test() -> None:
        ways = Ways(FakeMms(run), Direct(run))
        assert (await ways.predict(KEY, b"body", {})).body == b"by the server"
        Door(tell, 2, 1 << 20).open(run.model(KEY))
        await ways.direct.find(KEY)
        answer = await ways.predict(KEY, bytes(1 << 20), {"kind": "ä\udcff\r\n"})
        assert (answer.status, answer.content_type) == (201, "ä\udcff\r\n")
        assert answer.body == bytes(1 << 20)

    go(test())


def test_sockets_of_dead_workers_are_removed_and_nobody_waits_for_them(run: RunFolder) -> None:
    left = dead(run, 4321)

    async def test() -> None:
        ways = Ways(FakeMms(run), Direct(run))
        assert await ways.direct.find(KEY) == []
        assert not left.exists()
        assert (await ways.predict(KEY, b"body", {})).body == b"by the server"

    go(test())


def test_a_worker_that_ends_fails_all_it_has_and_is_asked_nothing_more(run: RunFolder) -> None:
    place = run.model(KEY) / "77.sock"

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(LENGTHS.size)
        writer.write(LENGTHS.pack(20, 20) + b'{"status"')
        writer.close()

    async def test() -> None:
        async with await asyncio.start_unix_server(hang_up, place):
            direct = Direct(run)
            (worker,) = await direct.find(KEY)
            asked = [worker.predict(b"picture", {}) for _ in range(2)]
            for result in await asyncio.gather(*asked, return_exceptions=True):
                assert isinstance(result, BackendError)
            assert direct.workers(KEY) == []
            assert (worker.asked, direct.freest(KEY)) == (0, None)

    go(test())


def test_the_one_with_the_fewest_requests_is_asked(run: RunFolder) -> None:
    async def test() -> None:
        over = asyncio.Event()

        async def slow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await over.wait()
            writer.close()

        for pid in (1, 2):
            await asyncio.start_unix_server(slow, run.model(KEY) / f"{pid}.sock")
        ways = Ways(FakeMms(run), Direct(run))
        workers = await ways.direct.find(KEY)
        asked = [asyncio.ensure_future(ways.predict(KEY, b"", {})) for _ in range(4)]
        while sum(worker.asked for worker in workers) < 4:
            await asyncio.sleep(0.01)
        assert [worker.asked for worker in workers] == [2, 2]
        assert ways.direct.silent(KEY, 100) == ()
        assert ways.direct.silent(KEY, -1) == (1, 2)
        over.set()
        await asyncio.gather(*asked, return_exceptions=True)

    go(test())


def test_who_gives_up_leaves_the_connection_to_the_next_once_it_is_answered(
    run: RunFolder,
) -> None:
    may_answer = threading.Event()

    def slow(_headers: Mapping[str, str], body: bytes) -> Response:
        may_answer.wait(PATIENCE_S)
        return Response(200, "a/b", body)

    async def test() -> None:
        Door(slow, 2, 1000).open(run.model(KEY))
        worker = Worker(run.model(KEY) / f"{os.getpid()}.sock")
        await worker.connect()
        first = asyncio.ensure_future(worker.predict(b"first", {}))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert worker.asked == 1
        may_answer.set()
        assert (await worker.predict(b"second", {})).body == b"second"
        while worker.asked:
            await asyncio.sleep(0.01)
        assert worker.silent_s == 0
        assert (await worker.predict(b"third", {})).body == b"third"

    go(test())


def test_headers_of_any_length_and_answers_in_pieces_are_read(run: RunFolder) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fields_bytes, body_bytes = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
        await reader.readexactly(fields_bytes + body_bytes)
        fields = json.dumps({"status": 200, "content-type": "a/b"}).encode()
        for byte in LENGTHS.pack(len(fields), 2) + fields + b"ok":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async def test() -> None:
        async with await asyncio.start_unix_server(drip, run.model(KEY) / "5.sock"):
            (worker,) = await Direct(run).find(KEY)
            assert (await worker.predict(bytes(300_000), {"a": "b" * 4096})).body == b"ok"
            worker.retire()

    go(test())
