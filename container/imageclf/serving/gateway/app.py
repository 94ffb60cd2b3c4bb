"""The gateway's application: which paths there are, and the way of a prediction through it."""

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from imageclf.serving import logs
from imageclf.serving.gateway.answer import Answer, RefusalError, refuse
from imageclf.serving.gateway.body import GoneError, Reader
from imageclf.serving.gateway.gate import FullError
from imageclf.serving.gateway.model import Model
from imageclf.serving.gateway.models import Models
from imageclf.serving.gateway.registry import Registry
from imageclf.serving.settings import Resolved, ServeSettings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

INFERENCE_ID = "x-amzn-sagemaker-inference-id"

_MIB = 1 << 20
_PAYLOADS_MB = 100
"""AWS's bound on MaxConcurrentTransforms times MaxPayloadInMB."""

_VISIBLE = re.compile(r"[\x20-\x7e]{1,256}")
_FORWARDED = {
    b"content-type": "x-imageclf-content-type",
    b"accept": "x-imageclf-accept",
    b"x-amzn-sagemaker-custom-attributes": "x-imageclf-attributes",
}


@dataclass
class Call:
    """One request on its way; what is known at the end goes to the log."""

    method: str
    path: str
    headers: dict[bytes, str]
    receive: Receive
    query: str = ""
    model: str = ""
    bytes_in: int = 0
    queue_ms: float = 0.0

    @property
    def announced(self) -> int | None:
        """Content-Length; the server has refused one that is not a number."""
        length = self.headers.get(b"content-length")
        return int(length) if length is not None else None


class App:
    """An ASGI application over `models`."""

    def __init__(
        self, settings: ServeSettings, resolved: Resolved, models: Models, only: str | None
    ) -> None:
        self._settings = settings
        self._resolved = resolved
        self._models = models
        self._only = only
        self._registry = Registry(models)
        largest = int(settings.max_body_mb * _MIB)
        self._reader = Reader(largest, budget=max(4 * largest, 256 * _MIB))
        self.draining = False
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.monotonic()
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        call = Call(scope["method"], scope["path"], headers, receive, query)
        self.in_flight += 1
        try:
            answer = await self._answer(call, began)
        except RefusalError as refusal:
            answer = refusal.answer
        except GoneError:
            answer = Answer(499, close=True)  # nobody reads it; the log has it
        finally:
            self.in_flight -= 1
        await self._send(call, answer, send)
        if call.path != "/ping":
            self._log(call, answer, began)

    async def _answer(self, call: Call, began: float) -> Answer:
        if call.path == "/ping":
            _allow(call, "GET", "HEAD")
            return self._ping()
        if call.path == "/execution-parameters":
            _allow(call, "GET", "HEAD")
            return self._execution_parameters()
        if self._only is not None and call.path == "/invocations":
            _allow(call, "POST")
            return await self._predict(call, await self._models.soon(self._only), began)
        if self._only is None and call.path.split("/")[1] == "models":
            return await self._multi_model(call, began)
        raise refuse(404, "unknown-path", f"There is no {call.path[:100]} here.")

    async def _multi_model(self, call: Call, began: float) -> Answer:
        parts = [part for part in call.path.split("/")[2:] if part]
        if len(parts) == 2 and parts[1] == "invoke":
            _allow(call, "POST")
            return await self._predict(call, self._registry.loaded(parts[0]), began)
        if len(parts) == 1:
            _allow(call, "GET", "DELETE")
            call.model = parts[0]
            if call.method == "GET":
                return self._registry.describe(parts[0])
            return await self._registry.unload(parts[0])
        if parts:
            raise refuse(404, "unknown-path", f"There is no {call.path[:100]} here.")
        _allow(call, "GET", "POST")
        if call.method == "GET":
            return self._registry.list(call.query)
        body = await self._reader.read(call.announced, call.receive)
        self._reader.release(len(body))
        return await self._registry.load(body)

    async def _predict(self, call: Call, model: Model | None, began: float) -> Answer:
        deadline = began + self._settings.timeout_s
        body = await self._reader.read(call.announced, call.receive)
        call.bytes_in = len(body)
        try:
            async with asyncio.timeout_at(_loop_time(deadline)):
                if model is None or (self.draining and not model.ready.is_set()):
                    raise _not_ready()
                call.model = model.name
                return await self._in_turn(call, model, body)
        except TimeoutError:
            return Answer.fault(
                504,
                "timeout",
                f"There was no answer within {self._settings.timeout_s:g} s; try again later, or "
                "raise IMAGECLF_TIMEOUT_S.",
            )
        finally:
            self._reader.release(len(body))

    async def _in_turn(self, call: Call, model: Model, body: bytes) -> Answer:
        queued = time.monotonic()
        try:
            await _unless_gone(model.gate.enter(), call.receive, at_once=not model.gate.is_full)
        except FullError:
            raise refuse(
                429,
                "busy",
                f"{self._settings.queue} requests wait already; try again in a moment.",
                retry_after="1",
            ) from None
        call.queue_ms = (time.monotonic() - queued) * 1000
        try:
            return await self._models.predict(model, body, self._forwarded(call, model))
        finally:
            model.gate.leave()

    def _forwarded(self, call: Call, model: Model) -> dict[str, str]:
        there = {
            ours: call.headers[name] for name, ours in _FORWARDED.items() if name in call.headers
        }
        return {**there, "x-imageclf-model": self._settings.model_name or self._shown(model)}

    def _shown(self, model: Model) -> str:
        return model.name if self._only is None else ""

    def _ping(self) -> Answer:
        if self.draining:
            return Answer.fault(503, "stopping", "The server is stopping.")
        if self._only is None:
            ready = self._models.server_answers
        else:
            model = self._models.find(self._only)
            ready = model is not None and model.ready.is_set()
        return Answer.of(200, {"status": "ready"}) if ready else _not_ready().answer

    def _execution_parameters(self) -> Answer:
        workers = self._resolved.workers * self._resolved.batch_size
        largest = int(max(1, min(self._settings.max_body_mb, _PAYLOADS_MB)))
        transforms = max(1, min(workers + 1, _PAYLOADS_MB // largest))
        return Answer.of(
            200,
            {
                "MaxConcurrentTransforms": transforms,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": largest,
            },
        )

    async def _send(self, call: Call, answer: Answer, send: Send) -> None:
        headers = {"content-type": answer.content_type, **answer.headers}
        headers["content-length"] = str(len(answer.body))
        headers[INFERENCE_ID] = _inference_id(call)
        if answer.close or self.draining:
            headers["connection"] = "close"
        raw = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        body = b"" if call.method == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": answer.close})
        if answer.close:
            await self._reader.linger(call.receive)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _log(self, call: Call, answer: Answer, began: float) -> None:
        logs.write(
            "INFO" if answer.status < 500 else "ERROR",
            f"{call.method} {call.path[:200]}",
            source="gateway",
            inference_id=_inference_id(call),
            model=call.model,
            status=answer.status,
            bytes=call.bytes_in,
            queue_ms=round(call.queue_ms, 2),
            ms=round((time.monotonic() - began) * 1000, 2),
        )


def _allow(call: Call, *methods: str) -> None:
    if call.method not in methods:
        raise refuse(
            405,
            "wrong-method",
            f"{call.path[:100]} takes {' and '.join(methods)}.",
            allow=", ".join(methods),
        )


def _not_ready() -> RefusalError:
    return refuse(503, "not-ready", "No worker answers yet; try again.", retry_after="1")


def _inference_id(call: Call) -> str:
    """The caller's, as far as it can be shown, else a new one that stays the call's."""
    given = call.headers.get(INFERENCE_ID.encode(), "")
    if not _VISIBLE.fullmatch(given):
        given = call.headers[INFERENCE_ID.encode()] = uuid.uuid4().hex
    return given


def _loop_time(monotonic: float) -> float:
    return monotonic - time.monotonic() + asyncio.get_running_loop().time()


async def _unless_gone(wait: Awaitable[None], receive: Receive, *, at_once: bool) -> None:
    """Wait, unless the caller hangs up meanwhile.

    Raises:
        GoneError: it did.
    """
    if at_once:
        return await wait
    waiting = asyncio.ensure_future(wait)
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise GoneError
        await waiting
    finally:
        gone.cancel()
        if not waiting.done():
            waiting.cancel()
