"""Callers that ask without pause, and remember every answer and every lack of one."""

import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from tests.serving.requests_of_all_kinds import JPEG
from tests.serving.server.running import PATIENCE_S, Server, wait_until


class Load:
    """`clients` callers, each with a connection of its own for every request."""

    def __init__(self, server: Server, clients: int = 4, path: str = "/invocations") -> None:
        self._server = server
        self._path = path
        self.statuses: Counter[int] = Counter()
        self.broken: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.wait_for_more()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def wait_for_more(self, answers: int = 10) -> float:
        """Wait for so many more right answers; seconds that took."""
        began, before = time.monotonic(), self.statuses[200]
        wait_until(lambda: self.statuses[200] >= before + answers, "answering", self._server)
        return time.monotonic() - began

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                self.statuses[self._server.post(JPEG, self._path)[0]] += 1
            except OSError as error:
                self.broken.append(repr(error))
                self._over.wait(0.05)
