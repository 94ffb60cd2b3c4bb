"""The two ways of a request to a worker: directly where that is there, else by the model server."""

import asyncio
from collections.abc import Mapping

from imageclf.serving.gateway.answer import Answer
from imageclf.serving.gateway.direct import Direct
from imageclf.serving.gateway.mms import BackendError, Mms

WARM_UP = {"x-imageclf-warm-up": "1"}


class Ways:
    """Asks the workers of a model by its key."""

    def __init__(self, mms: Mms, direct: Direct) -> None:
        self._mms = mms
        self.direct = direct

    async def predict(self, key: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """A worker's answer.

        Raises:
            BackendError: there was none; the request may be sent again.
        """
        worker = self.direct.freest(key)
        if worker is None:
            return await self._mms.predict(key, body, headers)
        return await worker.predict(body, headers)

    async def warm_up(self, key: str) -> None:
        """A made-up prediction by every worker that can be asked directly.

        Raises:
            BackendError: one was not answered as it should.
        """
        if not await self.direct.find(key):
            await self.warm_up_by_server(key)
        workers = await self.direct.find(key)
        _check(*await asyncio.gather(*(worker.predict(b"", WARM_UP) for worker in workers)))

    async def warm_up_by_server(self, key: str) -> None:
        """A made-up prediction through multi-model-server.

        Raises:
            BackendError: it was not answered as it should.
        """
        _check(await self._mms.predict(key, b"", WARM_UP))


def _check(*answers: Answer) -> None:
    for answer in answers:
        if answer.status != 200:
            raise BackendError(answer.body.decode(errors="replace"))
