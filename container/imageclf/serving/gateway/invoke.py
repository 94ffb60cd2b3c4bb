"""The way of a prediction through the gateway: body, place in line, worker, all in bounded time."""

import asyncio
import time
from typing import Any

from imageclf.serving.gateway.answer import Answer, RefusalError, refuse
from imageclf.serving.gateway.body import GoneError, Reader
from imageclf.serving.gateway.call import Call, Receive
from imageclf.serving.gateway.gate import FullError
from imageclf.serving.gateway.model import Model
from imageclf.serving.gateway.models import Models
from imageclf.serving.settings import ServeSettings


class Invoker:
    """Predicts what callers send."""

    def __init__(self, settings: ServeSettings, models: Models, reader: Reader) -> None:
        self._settings = settings
        self._models = models
        self._reader = reader

    async def invoke(self, call: Call, model: Model | None, *, draining: bool = False) -> Answer:
        """The model's answer, or 504.

        Raises:
            RefusalError: 4xx, or 503 there is no model that answers.
            GoneError: the caller hung up.
        """
        deadline = call.began + self._settings.timeout_s
        headers = call.forwarded()
        body = await self._reader.read(call.announced, call.receive)
        call.bytes_in = len(body)
        try:
            async with asyncio.timeout_at(_loop_time(deadline)):
                if model is None or (draining and not model.ready.is_set()):
                    raise not_ready()
                call.model = model.name
                return await self._in_turn(call, model, body, headers)
        except TimeoutError:
            return Answer.fault(
                504,
                "timeout",
                f"There was no answer within {self._settings.timeout_s:g} s; try again later, or "
                "raise IMAGECLF_TIMEOUT_S.",
            )
        finally:
            self._reader.release(len(body))

    async def _in_turn(
        self, call: Call, model: Model, body: bytes, headers: dict[str, str]
    ) -> Answer:
        queued = time.monotonic()
        turn = self._line_up(model)
        try:
            await _turn_unless_gone(turn, call.receive)
            call.queue_ms = (time.monotonic() - queued) * 1000
            shown = self._settings.model_name or (model.name if self._settings.multi_model else "")
            return await self._models.predict(model, body, {**headers, "x-imageclf-model": shown})
        finally:
            model.gate.leave(turn)

    def _line_up(self, model: Model) -> asyncio.Future[None]:
        try:
            return model.gate.line_up()
        except FullError:
            raise refuse(
                429,
                "busy",
                f"{self._settings.queue} requests wait already; try again in a moment.",
                retry_after="1",
            ) from None


def not_ready() -> RefusalError:
    """503: nobody is there to predict."""
    return refuse(503, "not-ready", "No worker answers yet; try again.", retry_after="1")


async def _turn_unless_gone(turn: asyncio.Future[None], receive: Receive) -> None:
    """Wait for one's turn, unless the caller hangs up meanwhile.

    Raises:
        GoneError: it did.
    """
    if turn.done():
        return
    gone: asyncio.Future[Any] = asyncio.ensure_future(receive())
    try:
        await asyncio.wait([turn, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
    if not turn.done():
        raise GoneError


def _loop_time(monotonic: float) -> float:
    return monotonic - time.monotonic() + asyncio.get_running_loop().time()
