"""Starting and ending the processes of a model at multi-model-server."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable

from imageclf.serving import logs
from imageclf.serving.gateway import processes
from imageclf.serving.gateway.mms import BackendError, Mms, RefusedError
from imageclf.serving.gateway.model import LoadError, Model
from imageclf.serving.gateway.processes import Processes
from imageclf.serving.gateway.ways import Ways
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.settings import Resolved

_START_S = 900.0
_LOOK_EVERY_S = 0.05
_END_S = 3.0


class Loader:
    """Starts models in new processes, and ends them so that their memory is free."""

    def __init__(
        self, run: RunFolder, mms: Mms, ways: Ways, resolved: Resolved, timeout_s: float
    ) -> None:
        self._run = run
        self._mms = mms
        self._ways = ways
        self._resolved = resolved
        self._timeout_s = timeout_s
        last = max((int(key[1:]) for key in run.described()), default=0)
        self._numbers = itertools.count(last + 1)

    async def start(self, model: Model) -> None:
        """Load `model` in new processes; once they answer, those it had before are ended.

        Raises:
            LoadError: it cannot be loaded.
            BackendError: multi-model-server is not there.
        """
        key = f"m{next(self._numbers)}"
        self._run.add_model(key, model.name, model.url, model.folder)
        try:
            await self._register(key)
            known = await self._until_warm(key)
        except BaseException:
            await self.end(key, processes.look(processes.find_parent(key)))
            raise
        old, old_processes = model.key, model.processes
        model.key, model.processes = key, known
        model.proved()
        if old:
            await self.end(old, old_processes)
            model.recall(old)

    async def adopt(self, model: Model, key: str, known: Processes, limit_s: float) -> None:
        """Take over the processes that an earlier gateway started.

        Raises:
            BackendError, LoadError, TimeoutError: they do not answer.
        """
        if known.parent is None:
            raise BackendError("its processes are gone")
        async with asyncio.timeout(limit_s):
            model.processes = await self._until_warm(key)
        model.key = key
        model.proved()

    async def end(self, key: str, known: Processes) -> None:
        """End the processes of `key`; returns when they are gone."""
        pids = tuple({*known.all, *self._ways.direct.pids(key)})
        self._ways.direct.retire(key)
        with contextlib.suppress(BackendError):  # a server that died knows nothing any more
            await self._mms.unregister(key)
        if left := await _ended(pids):
            logs.warning("processes of a model that did not end are killed", pids=left)
            processes.kill(left)
            await _ended(left)
        self._run.remove_model(key)

    async def _register(self, key: str) -> None:
        try:
            await self._mms.register(key, self._resolved, self._timeout_s)
        except RefusedError as error:
            raise LoadError(f"The model cannot be loaded: {error}", 500) from error

    async def _until_warm(self, key: str) -> Processes:
        """Wait until every worker had the chance to answer a made-up prediction."""
        workers = self._resolved.workers
        answered = asyncio.gather(*(self._until_answered(key) for _ in range(workers)))
        try:
            async with asyncio.timeout(_START_S):
                await first_of(answered, self._until_failed(key))
                await self._ways.warm_up(key)
        except TimeoutError as error:
            raise LoadError(
                f"The model did not answer within {_START_S:.0f} s of being loaded.", 503
            ) from error
        return processes.look(processes.find_parent(key))

    async def _until_answered(self, key: str) -> None:
        while True:
            try:
                return await self._ways.warm_up_by_server(key)
            except BackendError:
                await asyncio.sleep(_LOOK_EVERY_S)

    async def _until_failed(self, key: str) -> None:
        parent = None
        while True:
            failure = self._run.failure(key)
            if failure is not None:
                raise LoadError(failure["message"], failure["status"], failure["exit_code"])
            parent = parent or processes.find_parent(key)
            if parent is None or not processes.alive((parent,)):
                if not await self._mms.knows(key):
                    raise BackendError("multi-model-server ended")
                if parent is not None:
                    raise LoadError("The process that was to load the model ended.", 503)
            await asyncio.sleep(_LOOK_EVERY_S)


async def _ended(pids: tuple[int, ...]) -> tuple[int, ...]:
    """Wait for these processes to end; those that have not in a while."""
    left = processes.alive(pids)
    deadline = time.monotonic() + _END_S
    while left and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_EVERY_S)
        left = processes.alive(left)
    return left


async def first_of(*waits: Awaitable[object]) -> None:
    """Wait for one of them, whose exception is raised here; the others are cancelled."""
    futures = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in futures:
            future.cancel()
        await asyncio.gather(*futures, return_exceptions=True)
    for one in done:
        one.result()
