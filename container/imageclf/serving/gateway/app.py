"""The gateway's application: which paths there are, what they answer, one line of log each."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from imageclf.serving import logs
from imageclf.serving.gateway.answer import Answer, RefusalError
from imageclf.serving.gateway.body import GoneError, Reader
from imageclf.serving.gateway.call import INFERENCE_ID, Call, Receive, Scope
from imageclf.serving.gateway.invoke import Invoker, not_ready
from imageclf.serving.gateway.models import Models
from imageclf.serving.gateway.registry import Registry
from imageclf.serving.settings import Resolved, ServeSettings

Send = Callable[[dict[str, Any]], Awaitable[None]]

_MIB = 1 << 20
_BODIES_MIB = 256
"""Bodies held at once, though always four of the largest."""

_PAYLOADS_MB = 100
"""AWS's bound on MaxConcurrentTransforms times MaxPayloadInMB."""


class App:
    """An ASGI application over `models`; `only` names the model of a server that has no other."""

    def __init__(
        self, settings: ServeSettings, resolved: Resolved, models: Models, only: str | None
    ) -> None:
        self._settings = settings
        self._resolved = resolved
        self._models = models
        self._only = only
        self._registry = Registry(models)
        largest = settings.max_body_bytes
        self._reader = Reader(largest, budget=max(4 * largest, _BODIES_MIB * _MIB))
        self._invoker = Invoker(settings, models, self._reader)
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        call = Call.of(scope, receive)
        try:
            answer = await self._answer(call)
        except RefusalError as refusal:
            answer = refusal.answer
        except GoneError:
            answer = Answer(499, close=True)  # nobody reads it; the log has it
        except Exception as error:  # noqa: BLE001  the edge: the caller gets no traceback
            logs.fault("a request could not be answered", error, inference_id=call.inference_id)
            answer = Answer.fault(500, "internal", "The server failed; its log says why.")
        try:
            await self._send(call, answer, send)
        finally:
            if call.path != "/ping":
                self._log(call, answer)
        if answer.close:
            await self._reader.linger(call.receive)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self, call: Call) -> Answer:
        if call.path == "/ping":
            call.allow("GET", "HEAD")
            return self._ping()
        if call.path == "/execution-parameters":
            call.allow("GET", "HEAD")
            return self._execution_parameters()
        if self._only is not None:
            return await self._single(call, self._only)
        if call.path.split("/")[1] == "models":
            return await self._multi_model(call, call.path.split("/")[2:])
        return call.unknown()

    async def _single(self, call: Call, only: str) -> Answer:
        if call.path != "/invocations":
            return call.unknown()
        call.allow("POST")
        await self._models.taken_over()
        return await self._invoker.invoke(call, self._models.find(only), draining=self.draining)

    async def _multi_model(self, call: Call, parts: list[str]) -> Answer:
        call.model = parts[0][:256] if parts else ""
        await self._models.taken_over()
        if not parts:
            call.allow("GET", "POST")
            return (
                self._registry.list(call.query) if call.method == "GET" else await self._load(call)
            )
        if len(parts) == 1 and parts[0]:
            call.allow("GET", "DELETE")
            name = parts[0]
            describe = call.method == "GET"
            return self._registry.describe(name) if describe else await self._registry.unload(name)
        if len(parts) == 2 and parts[1] == "invoke":
            call.allow("POST")
            return await self._invoker.invoke(call, self._registry.loaded(parts[0]))
        return call.unknown()

    async def _load(self, call: Call) -> Answer:
        body = await self._reader.read(call.announced, call.receive)
        self._reader.release(len(body))
        return await self._registry.load(body)

    def _ping(self) -> Answer:
        if self.draining:
            return Answer.fault(503, "stopping", "The server is stopping.")
        if self._only is None:
            ready = self._models.server_answers
        else:
            model = self._models.find(self._only)
            ready = model is not None and model.ready.is_set()
        return Answer.of(200, {"status": "ready"}) if ready else not_ready().answer

    def _execution_parameters(self) -> Answer:
        largest = int(max(1, min(self._settings.max_body_mb, _PAYLOADS_MB)))
        parameters = {
            "MaxConcurrentTransforms": max(1, min(self._resolved.width, _PAYLOADS_MB // largest)),
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": largest,
        }
        return Answer.of(200, parameters)

    async def _send(self, call: Call, answer: Answer, send: Send) -> None:
        headers = {"content-type": answer.content_type, **answer.headers}
        headers["content-length"] = str(len(answer.body))
        headers[INFERENCE_ID] = call.inference_id
        if answer.close or self.draining:
            headers["connection"] = "close"
        raw = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        body = b"" if call.method == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": answer.close})

    def _log(self, call: Call, answer: Answer) -> None:
        logs.write(
            "INFO" if answer.status < 500 else "ERROR",
            f"{call.method} {call.shown}",
            source="gateway",
            inference_id=call.inference_id,
            model=call.model,
            status=answer.status,
            bytes=call.bytes_in,
            queue_ms=round(call.queue_ms, 2),
            ms=round((time.monotonic() - call.began) * 1000, 2),
        )
