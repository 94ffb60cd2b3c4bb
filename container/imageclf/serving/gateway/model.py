"""One loaded model as the gateway sees it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from imageclf.serving.gateway.gate import Gate
from imageclf.serving.gateway.processes import Processes


class LoadError(Exception):
    """A model cannot be loaded; the message says why.

    `status` is for who asked for it, `exit_code` for a server that has no other.
    """

    def __init__(self, message: str, status: int = 422, exit_code: int = 5) -> None:
        super().__init__(message)
        self.status = status
        self.exit_code = exit_code


@dataclass
class Model:
    """What is known of a model; `key` is its name at multi-model-server, a new one each start."""

    name: str
    url: str
    folder: Path
    gate: Gate
    key: str = ""
    processes: Processes = field(default_factory=Processes)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    healing: asyncio.Task[None] | None = None
    doubted: bool = False
    answered_at: float = 0.0
    asked: dict[asyncio.Timeout, str] = field(default_factory=dict)

    def proved(self) -> None:
        """A worker has just answered."""
        self.answered_at = time.monotonic()
        self.ready.set()

    @contextlib.asynccontextmanager
    async def asking(self, key: str) -> AsyncIterator[None]:
        """While a request is with the processes of `key`.

        Raises:
            TimeoutError: they are gone, and will not answer it.
        """
        async with asyncio.timeout(None) as patience:
            self.asked[patience] = key
            try:
                yield
            finally:
                del self.asked[patience]

    def recall(self, key: str) -> None:
        """End the wait of all who ask the processes of `key`, which multi-model-server forgets."""
        for patience, asked in self.asked.items():
            if asked == key:
                patience.reschedule(asyncio.get_running_loop().time())

    @property
    def silent_s(self) -> float:
        """Seconds since a worker answered."""
        return time.monotonic() - self.answered_at
