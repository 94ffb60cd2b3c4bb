"""Talking to multi-model-server over its two unix sockets."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from imageclf.serving.gateway.answer import JSON, Answer
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.settings import Resolved

_MANAGEMENT_S = 30.0
_THERE_S = 1.0
_HOST = "http://localhost"
_PREDICT_HEADERS = {"Content-Type": "application/octet-stream", "Accept": "*/*"}


class BackendError(Exception):
    """Multi-model-server, or the worker below it, did not answer the request itself."""


class RefusedError(BackendError):
    """Multi-model-server is there, and will not do what it was asked to."""


class Mms:
    """A client of the server in `run`; to be used as an asynchronous context."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    async def __aenter__(self) -> Self:
        self._inference = _session(self._run.inference)
        self._management = _session(self._run.management)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._inference.close()
        await self._management.close()

    async def predict(self, key: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The worker's answer.

        Raises:
            BackendError: no worker answered; the request may be sent again.
        """
        try:
            async with self._inference.post(
                f"{_HOST}/predictions/{key}", data=body, headers={**_PREDICT_HEADERS, **headers}
            ) as response:
                content = await response.read()
                kind = response.headers.get("Content-Type", "")
        except (aiohttp.ClientError, OSError) as error:
            raise BackendError(f"{type(error).__name__}: {error}") from error
        fault = _own_fault(response.status, kind, content)
        if fault is not None:
            raise BackendError(fault)
        return Answer(response.status, content, kind or JSON)

    async def answers(self) -> bool:
        """Whether the server is there at all."""
        try:
            async with asyncio.timeout(_THERE_S):
                async with self._inference.get(f"{_HOST}/ping") as response:
                    return response.status == 200
        except (aiohttp.ClientError, OSError):
            return False

    async def register(self, key: str, resolved: Resolved, timeout_s: float) -> None:
        """Start the processes of a model; returns before they have loaded it.

        Raises:
            BackendError: the server is not there.
            RefusedError: it refuses.
        """
        parameters = {
            "url": key,
            "model_name": key,
            "initial_workers": resolved.workers,
            "batch_size": resolved.batch_size,
            "max_batch_delay": round(resolved.batch_wait_ms),
            "response_timeout": int(timeout_s) + 2,
            "synchronous": "false",
        }
        await self._manage("POST", "/models", parameters)

    async def unregister(self, key: str) -> None:
        """End the processes of a model.

        Raises:
            BackendError: the server is not there.
            RefusedError: it does not know the model.
        """
        await self._manage("DELETE", f"/models/{key}", {})

    async def knows(self, key: str) -> bool:
        """Whether the server that is there now was told of this model."""
        try:
            await self._manage("GET", f"/models/{key}", {})
        except BackendError:
            return False
        return True

    async def _manage(self, method: str, path: str, parameters: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(_MANAGEMENT_S):
                async with self._management.request(
                    method, _HOST + path, params=parameters
                ) as response:
                    text = await response.text()
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise BackendError(f"{type(error).__name__}: {error}") from error
        if response.status >= 300:
            raise RefusedError(f"multi-model-server answered {response.status} to {path}: {text}")


def _session(path: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(str(path), limit=0),
        timeout=aiohttp.ClientTimeout(total=None, connect=5),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


def _own_fault(status: int, kind: str, content: bytes) -> str | None:
    """What the server says of itself; our workers' faults have other fields."""
    if status < 400:
        return None
    if not kind.startswith(JSON):
        return f"status {status}"
    try:
        fields = json.loads(content)
    except ValueError:
        return f"status {status}"
    if isinstance(fields, dict) and {"code", "type", "message"} <= fields.keys():
        return f"{fields['type']}: {fields['message']}"
    return None
