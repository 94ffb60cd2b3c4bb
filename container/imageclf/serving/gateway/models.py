"""The models that are loaded: by request, or the only one there is."""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

from imageclf import machine
from imageclf.serving import logs
from imageclf.serving.gateway import processes
from imageclf.serving.gateway.answer import Answer, RefusalError, refuse
from imageclf.serving.gateway.direct import Direct
from imageclf.serving.gateway.gate import Gate
from imageclf.serving.gateway.keeper import WORKER_RESTART_S, Keeper
from imageclf.serving.gateway.loading import Loader
from imageclf.serving.gateway.memory import Bound, estimate
from imageclf.serving.gateway.mms import BackendError, Mms
from imageclf.serving.gateway.model import LoadError, Model
from imageclf.serving.gateway.ways import Ways
from imageclf.serving.run_folder import ARTIFACT, RunFolder
from imageclf.serving.settings import Resolved, ServeSettings

ATTEMPTS = 3
"""Times a request is sent to a worker; the second and third when one died with it."""

_TICK_S = 0.5
_RETRY_S = 0.05
_TAKE_OVER_S = 5.0
_FINISH_S = 10.0
_MIB = 1 << 20


class Models:
    """All models by name."""

    def __init__(
        self, run: RunFolder, mms: Mms, settings: ServeSettings, resolved: Resolved
    ) -> None:
        self._run = run
        self._mms = mms
        self._settings = settings
        self._resolved = resolved
        self._ways = ways = Ways(mms, Direct(run))
        self._loader = Loader(run, mms, ways, resolved, settings.timeout_s)
        self._keeper = Keeper(self._loader, ways, resolved, settings.timeout_s, self._give_up)
        limit_mb = settings.memory_mb
        self._bound = Bound(limit_mb * _MIB if limit_mb else machine.memory_bytes() * 4 // 5)
        self._models: dict[str, Model] = {}
        self._adopted = asyncio.Event()
        self.server_answers = False
        self.failure: LoadError | None = None
        self.gave_up = asyncio.Event()

    def names(self) -> list[str]:
        """Those that are loaded, sorted."""
        return sorted(name for name, model in self._models.items() if model.key)

    def find(self, name: str) -> Model | None:
        """The model, unless it is not loaded."""
        model = self._models.get(name)
        return model if model is not None and model.key else None

    async def taken_over(self) -> None:
        """Wait a moment while this gateway takes over from an earlier one."""
        if not self._adopted.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TAKE_OVER_S):
                    await self._adopted.wait()

    async def load(self, name: str, folder: Path, url: str) -> None:
        """Load the artifact in `folder`; returns when it answers.

        Raises:
            RefusalError: 409 it is loaded, 507 there is no memory for it, else why it cannot be.
        """
        if name in self._models:
            raise refuse(409, "already-loaded", f"Model {name} is loaded already.")
        model = self._models[name] = self._model(name, folder, url)
        try:
            self._bound.check(name, self._models.values(), estimate(folder))
            await self._keeper.start(model)
            self._bound.check(name, self._models.values())
        except LoadError as error:
            await self._forget(model)
            word = "no-memory" if error.status == 507 else "not-loadable"
            raise refuse(error.status, word, str(error)) from error
        except BaseException:
            await self._forget(model)
            raise

    async def unload(self, name: str) -> None:
        """End the model's processes; returns when their memory is free.

        Requests that a worker has already are answered, the others refused.

        Raises:
            RefusalError: 404 it is not loaded.
        """
        model = self.find(name)
        if model is None:
            raise unknown_model(name)
        await self._forget(model)

    async def serve_only(self, name: str, folder: Path) -> None:
        """Load the one model of a server that has no other; `failure` says why it could not."""
        model = self._models[name] = self._model(name, folder, str(folder))
        try:
            await self._keeper.start(model)
        except LoadError as error:
            await self._give_up(model, error)

    async def adopt(self) -> None:
        """Take over what an earlier gateway had loaded; load anew what does not answer."""
        newest = {said["name"]: key for key, said in self._run.described().items()}
        await asyncio.gather(
            *(
                self._adopt(key, said["name"], said["url"], newest=newest[said["name"]] == key)
                for key, said in self._run.described().items()
            )
        )
        self._adopted.set()

    async def _adopt(self, key: str, name: str, url: str, *, newest: bool) -> None:
        folder = (self._run.model(key) / ARTIFACT).resolve()
        known = processes.look(processes.find_parent(key))
        if not newest:
            await self._loader.end(key, known)
            return
        model = self._models[name] = self._model(name, folder, url)
        try:
            await self._loader.adopt(model, key, known, WORKER_RESTART_S)
        except (BackendError, LoadError, TimeoutError) as error:
            logs.warning("a model did not outlive its gateway", model=name, cause=str(error))
            model.key = key
            self._keeper.heal(model, "its gateway ended")

    async def predict(self, model: Model, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The worker's answer; a request whose worker died is sent again: it changes nothing.

        Raises:
            RefusalError: 404 the model was unloaded meanwhile.
        """
        for _ in range(ATTEMPTS):
            await model.ready.wait()
            if not model.key:
                raise unknown_model(model.name)
            key = model.key
            try:
                async with model.asking(key):
                    answer = await self._ways.predict(key, body, headers)
            except TimeoutError:
                continue
            except BackendError as error:
                await asyncio.sleep(_RETRY_S)  # by then it is known who else died with it
                if key == model.key:  # else others have taken over already
                    self._keeper.heal(model, str(error))
                continue
            model.proved()
            return answer
        return Answer.fault(
            500, "worker-died", "The worker died each time it was given this request."
        )

    async def watch(self) -> None:
        """Look after the processes of all models for ever."""
        while True:
            if self._settings.multi_model:
                self.server_answers = await self._mms.answers()
            for model in list(self._models.values()):
                self._keeper.look_after(model)
                if model.key:  # a worker may have been started anew
                    await self._ways.direct.find(model.key)
            await asyncio.sleep(_TICK_S)

    async def _forget(self, model: Model) -> None:
        """Remove it from the list at once, and its processes once they have nothing to do."""
        self._models.pop(model.name, None)
        key, model.key = model.key, ""
        if model.healing is not None:
            model.healing.cancel()
            await asyncio.gather(model.healing, return_exceptions=True)
        model.ready.set()  # who waits for it learns that it is gone
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FINISH_S):
                while model.gate.inside:
                    await asyncio.sleep(_RETRY_S)
        if key:
            await self._loader.end(key, processes.look(model.processes.parent))
            model.recall(key)

    async def _give_up(self, model: Model, error: LoadError) -> None:
        """Without its only model the server ends; of many the others stay."""
        if self._settings.multi_model:
            await self._forget(model)
        else:
            self.failure = error
            self.gave_up.set()

    def _model(self, name: str, folder: Path, url: str) -> Model:
        return Model(name, url, folder, Gate(self._resolved.width, self._settings.queue))


def unknown_model(name: str) -> RefusalError:
    """404: there is no such model."""
    return refuse(404, "unknown-model", f"Model {name[:100]} is not loaded.")
