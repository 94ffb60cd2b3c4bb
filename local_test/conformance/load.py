"""Clients that keep a server busy, one request after the other each, and what became of them."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType

from imageclf.errors import EndpointError
from local_test.conformance.subject import Subject
from local_test.wire import NotAcceptedError

_LOOK_EVERY_S = 0.01
_SERVER_FAULT = 500


@dataclass(frozen=True)
class Asked:
    """One request: its status, or the sentence on why there was no answer."""

    ended_s: float
    status: int | None
    fault: str = ""
    was_accepted: bool = True

    @property
    def is_answered(self) -> bool:
        """Answered, if only by "not now"."""
        return self.status is not None and self.status < _SERVER_FAULT

    @property
    def told(self) -> str:
        """What is wrong with it."""
        return self.fault or f"one was answered with {self.status}"


class Load:
    """`subject.clients` threads; within `with` they ask, behind it all have ended."""

    def __init__(self, subject: Subject, most: int | None = None) -> None:
        self._subject = subject
        self._most = most
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(subject.clients)]
        self.asked: list[Asked] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._most is None or error is not None:
            self._enough.set()
        for thread in self._threads:
            thread.join()

    def await_answers(self, limit_s: float) -> None:
        """Wait until as many requests have ended as there are clients."""
        deadline_s = time.monotonic() + limit_s
        while len(self.asked) < len(self._threads) and time.monotonic() < deadline_s:
            time.sleep(_LOOK_EVERY_S)

    def ask_no_more(self) -> None:
        """Each client ends with the request that it is at."""
        self._enough.set()

    @property
    def faults(self) -> list[str]:
        """What is wrong with those that were not answered."""
        return [one.told for one in self.asked if not one.is_answered]

    def _ask(self) -> None:
        count = 0
        while not self._enough.is_set() and count != self._most:
            count += 1
            self.asked.append(self._one())

    def _one(self) -> Asked:
        try:
            status = self._subject.invoke().status
        except EndpointError as error:
            accepted = not isinstance(error, NotAcceptedError)
            return Asked(time.monotonic(), None, str(error), accepted)
        return Asked(time.monotonic(), status)
