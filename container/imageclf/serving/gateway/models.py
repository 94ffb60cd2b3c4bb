"""The models that are loaded, kept answering.

A model whose worker died is waited for, since multi-model-server starts that one again; a model
whose parent process or whose whole server died is started anew, in processes of its own, and takes
over when it answers.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

from imageclf import machine
from imageclf.serving import logs
from imageclf.serving.gateway import processes
from imageclf.serving.gateway.answer import Answer, refuse
from imageclf.serving.gateway.gate import Gate
from imageclf.serving.gateway.loading import Loader
from imageclf.serving.gateway.mms import BackendError, Mms
from imageclf.serving.gateway.model import LoadError, Model
from imageclf.serving.run_folder import ARTIFACT, RunFolder
from imageclf.serving.settings import Resolved, ServeSettings

ATTEMPTS = 3
"""Times a request is sent to a worker; the second and third when one died with it."""

_TICK_S = 0.5
_PROBE_AFTER_S = 10.0
_WORKER_RESTART_S = 4.0
_RETRY_S = 0.1
_TAKE_OVER_S = 5.0
_MIB = 1 << 20
_BASE_BYTES = 120 * _MIB
"""What a model's processes take before weights: interpreter and libraries."""


class Models:
    """All models by name."""

    def __init__(
        self, run: RunFolder, mms: Mms, settings: ServeSettings, resolved: Resolved
    ) -> None:
        self._run = run
        self._mms = mms
        self._settings = settings
        self._resolved = resolved
        self._loader = Loader(run, mms, resolved, settings.timeout_s)
        self._models: dict[str, Model] = {}
        self._failed: LoadError | None = None
        self.gave_up = asyncio.Event()

    @property
    def failure(self) -> LoadError | None:
        """Why the only model cannot be served; then `gave_up` is set."""
        return self._failed

    def names(self) -> list[str]:
        """Those that are loaded, sorted."""
        return sorted(name for name, model in self._models.items() if model.key)

    def find(self, name: str) -> Model | None:
        """The model, unless it is not loaded."""
        model = self._models.get(name)
        return model if model is not None and model.key else None

    async def soon(self, name: str) -> Model | None:
        """The model; waits a moment for it when this gateway has just taken over from another."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TAKE_OVER_S):
                while self.find(name) is None and not self.gave_up.is_set():
                    await asyncio.sleep(_RETRY_S)
        return self.find(name)

    @property
    def server_answers(self) -> bool:
        """Whether there is a server to load models into."""
        return self._run.management.exists() and self._run.inference.exists()

    async def load(self, name: str, folder: Path, url: str) -> None:
        """Load the artifact in `folder`; returns when it answers.

        Raises:
            RefusalError: 409 it is loaded, 507 there is no memory for it, else why it cannot be.
        """
        if name in self._models:
            raise refuse(409, "already-loaded", f"Model {name} is loaded already.")
        model = self._models[name] = self._model(name, folder, url)
        try:
            self._check_memory(name, _estimate(folder))
            await self._start_patiently(model)
            self._check_memory(name, 0)
        except LoadError as error:
            await self._forget(model)
            word = "no-memory" if error.status == 507 else "not-loadable"
            raise refuse(error.status, word, str(error)) from error
        except BaseException:
            await self._forget(model)
            raise

    async def unload(self, name: str) -> None:
        """End the model's processes; returns when their memory is free.

        Raises:
            RefusalError: 404 it is not loaded.
        """
        model = self.find(name)
        if model is None:
            raise refuse(404, "unknown-model", f"Model {name} is not loaded.")
        await self._forget(model)

    async def serve_only(self, name: str, folder: Path) -> None:
        """Load the one model of a server that has no other; `failure` says why it could not."""
        model = self._models[name] = self._model(name, folder, str(folder))
        try:
            await self._start_patiently(model)
        except LoadError as error:
            self._give_up(error)

    async def adopt(self) -> None:
        """Take over what an earlier gateway had loaded; end what does not answer."""
        described = self._run.described()
        if not described:
            return
        with contextlib.suppress(BackendError):
            known = set(await self._mms.knows())
            for key, said in described.items():
                if key in known:
                    await self._adopt(key, said["name"], said["url"])

    async def _adopt(self, key: str, name: str, url: str) -> None:
        folder = (self._run.model(key) / ARTIFACT).resolve()
        model = self._model(name, folder, url)
        try:
            await self._loader.adopt(model, key, _WORKER_RESTART_S)
        except (BackendError, LoadError, TimeoutError) as error:
            logs.warning("a model did not outlive its gateway", model=name, cause=str(error))
            await self._loader.end(key, processes.look(processes.find_parent(key)))
        else:
            self._models[name] = model

    async def predict(self, model: Model, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The worker's answer; a request whose worker died is sent again: it changes nothing."""
        for _ in range(ATTEMPTS):
            await model.ready.wait()
            try:
                answer = await self._mms.predict(model.key, body, headers)
            except BackendError as error:
                self._heal(model, str(error))
                continue
            model.proved()
            return answer
        return Answer.fault(
            500, "worker-died", "The worker died each time it was given this request."
        )

    async def watch(self) -> None:
        """Look after the processes of all models for ever."""
        while True:
            await asyncio.sleep(_TICK_S)
            for model in list(self._models.values()):
                if model.key and model.healing is None:
                    self._look_after(model)

    def _look_after(self, model: Model) -> None:
        model.processes = now = processes.look(model.processes.parent)
        surplus = now.workers[: -self._resolved.workers]
        if surplus:  # one that did not answer in time was replaced, and computes on
            processes.kill(surplus)
        busy = model.gate.inside > 0
        if now.parent is None:
            self._heal(model, "its parent process ended")
        elif not now.workers:
            self._heal(model, "its workers ended")
        elif busy and model.silent_s > self._settings.timeout_s:
            processes.kill(now.workers)
            self._heal(model, "its workers do not answer")
        elif not busy and model.silent_s > _PROBE_AFTER_S:
            self._heal(model, "")

    def _heal(self, model: Model, reason: str) -> None:
        """Make sure of the model, in a task; without a reason it stays ready meanwhile."""
        if reason:
            model.ready.clear()
        if model.healing is None:
            if reason:
                logs.warning("a model is healed", model=model.name, cause=reason)
            model.healing = asyncio.create_task(self._make_sure(model))

    async def _make_sure(self, model: Model) -> None:
        began = time.monotonic()
        try:
            if not await self._answers_soon(model):
                model.ready.clear()
                await self._start_patiently(model)
        except LoadError as error:
            logs.error("a model could not be healed", model=model.name, cause=str(error))
            self._give_up(error)
        finally:
            model.healing = None
        if (took_s := time.monotonic() - began) > 1:
            logs.info("a model answers again", model=model.name, seconds=round(took_s, 2))

    async def _answers_soon(self, model: Model) -> bool:
        """Whether the processes that are there answer once more, without being started anew."""
        if not processes.look(model.processes.parent).parent:
            return False
        try:
            async with asyncio.timeout(_WORKER_RESTART_S):
                while True:
                    try:
                        await self._loader.warm_up(model.key)
                    except BackendError:
                        if not processes.look(model.processes.parent).parent:
                            return False
                        await asyncio.sleep(_RETRY_S)
                    else:
                        model.proved()
                        return True
        except TimeoutError:
            return False

    async def _start_patiently(self, model: Model) -> None:
        """Start the model as soon as there is a server."""
        while True:
            try:
                return await self._loader.start(model)
            except BackendError:
                await asyncio.sleep(_RETRY_S)

    async def _forget(self, model: Model) -> None:
        self._models.pop(model.name, None)
        if model.healing is not None:
            model.healing.cancel()
        if model.key:
            key, model.key = model.key, ""
            await self._loader.end(key, processes.look(model.processes.parent))

    def _give_up(self, error: LoadError) -> None:
        if not self._settings.multi_model:
            self._failed = error
            self.gave_up.set()

    def _model(self, name: str, folder: Path, url: str) -> Model:
        """So many requests are passed on that a worker finds the next one waiting."""
        resolved = self._resolved
        width = resolved.workers * resolved.batch_size + max(1, resolved.batch_size)
        return Model(name, url, folder, Gate(width, self._settings.queue))

    def _check_memory(self, name: str, more_bytes: int) -> None:
        limit_mb = self._settings.memory_mb
        limit = limit_mb * _MIB if limit_mb else machine.memory_bytes() * 4 // 5
        if not self._settings.multi_model:
            return
        pids = [pid for one in self._models.values() for pid in one.processes.all]
        used = processes.memory_bytes(tuple(pids))
        if used + more_bytes > limit:
            raise LoadError(
                f"There is no memory for model {name}: {used // _MIB} MiB are in use, about "
                f"{more_bytes // _MIB} MiB more are needed, and {limit // _MIB} MiB is the bound "
                "(IMAGECLF_MEMORY_MB); unload another one.",
                507,
            )


def _estimate(folder: Path) -> int:
    """Memory that loading an artifact takes, before it is known."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return _BASE_BYTES + 2 * sum(path.stat().st_size for path in files)
