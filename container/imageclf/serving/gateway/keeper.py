"""Keeps loaded models answering.

A model whose worker died is waited for, since multi-model-server starts that one again; a model
whose parent process or whose whole server died is started anew, in processes of its own, and takes
over when it answers.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from imageclf.serving import logs
from imageclf.serving.gateway import processes
from imageclf.serving.gateway.loading import Loader
from imageclf.serving.gateway.mms import BackendError
from imageclf.serving.gateway.model import LoadError, Model
from imageclf.serving.gateway.ways import Ways
from imageclf.serving.settings import Resolved

WORKER_RESTART_S = 4.0
"""Seconds that multi-model-server is given to start a worker anew."""

_PROBE_AFTER_S = 10.0
_RETRY_S = 0.1
_WORTH_TELLING_S = 1.0

GiveUp = Callable[[Model, LoadError], Awaitable[None]]


class Keeper:
    """Heals models by `loader`; `give_up` is called for one that cannot be loaded again.

    A model whose workers can still be asked stays ready meanwhile.
    """

    def __init__(
        self, loader: Loader, ways: Ways, resolved: Resolved, timeout_s: float, give_up: GiveUp
    ) -> None:
        self._loader = loader
        self._ways = ways
        self._workers = resolved.workers
        self._timeout_s = timeout_s
        self._give_up = give_up

    def look_after(self, model: Model) -> None:
        """Look at the model's processes, and heal it when they are not as they should be."""
        if not model.key:
            return
        if hanging := self._ways.direct.silent(model.key, self._timeout_s):
            processes.kill(hanging)
            self.heal(model, "a worker does not answer")
        if model.healing is not None:
            return
        model.processes = now = processes.look(model.processes.parent)
        surplus = now.workers[: -self._workers]
        if surplus:  # one that did not answer in time was replaced, and computes on
            processes.kill(surplus)
        # Of one that is asked directly its own silence is known.
        busy = model.gate.inside > 0 and not self._ways.direct.workers(model.key)
        if now.parent is None:
            self.heal(model, "its parent process ended")
        elif not now.workers:
            self.heal(model, "its workers ended")
        elif busy and model.silent_s > self._timeout_s:
            processes.kill(now.workers)
            self.heal(model, "its workers do not answer")
        elif not model.gate.inside and model.silent_s > _PROBE_AFTER_S:
            self.heal(model, "")

    def heal(self, model: Model, reason: str) -> None:
        """Make sure of the model, in a task; without a reason it stays ready meanwhile."""
        if not model.key:
            return
        if reason:
            self._unready(model)
            model.doubted = True
        if model.healing is None:
            if reason:
                logs.warning("a model is healed", model=model.name, cause=reason)
            model.healing = asyncio.create_task(self._make_sure(model))

    async def start(self, model: Model) -> None:
        """Load the model in new processes, as soon as there is a server.

        Raises:
            LoadError: it cannot be loaded.
        """
        while True:
            try:
                return await self._loader.start(model)
            except BackendError:
                await asyncio.sleep(_RETRY_S)

    async def _make_sure(self, model: Model) -> None:
        began = time.monotonic()
        failed: LoadError | None = None
        try:
            await self._until_sure(model)
        except LoadError as error:
            failed = error
        finally:
            model.healing = None
        if failed is not None:
            logs.error("a model could not be healed", model=model.name, cause=str(failed))
            await self._give_up(model, failed)
        elif (took_s := time.monotonic() - began) > _WORTH_TELLING_S:
            logs.info("a model answers again", model=model.name, seconds=round(took_s, 2))

    async def _until_sure(self, model: Model) -> None:
        """Until it answers, and nothing spoke against it meanwhile."""
        while True:
            model.doubted = False
            if not await self._answers_soon(model):
                self._unready(model)
                await self.start(model)
            if not model.doubted:
                return

    def _unready(self, model: Model) -> None:
        if not self._ways.direct.workers(model.key):
            model.ready.clear()

    async def _answers_soon(self, model: Model) -> bool:
        """Whether the processes that are there answer once more, without being started anew."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WORKER_RESTART_S):
                while processes.look(model.processes.parent).parent:
                    try:
                        await self._ways.warm_up(model.key)
                    except BackendError:
                        await asyncio.sleep(_RETRY_S)
                    else:
                        model.proved()
                        return True
        return False
