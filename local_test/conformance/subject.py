"""The server that is looked at, and what it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass

from local_test import wire
from local_test.conformance.victim import Victim
from local_test.wire import Reply

NAMES = ("conformance-1", "conformance-2")
"""What the models of a multi-model server are called meanwhile."""


@dataclass(frozen=True)
class Limits:
    """The times of the contract."""

    ping_s: float = 2.0
    accept_ms: float = 250.0
    answer_s: float = 60.0
    stop_s: float = 30.0


@dataclass(frozen=True)
class Subject:
    """A server at `url`.

    `folders` are those of two models as a multi-model server sees them, or empty. `victim` is the
    server's process, where it may be stopped.
    """

    url: str
    body: bytes
    content_type: str
    accepts: tuple[str, ...] = ("application/json",)
    clients: int = 8
    folders: tuple[str, ...] = ()
    victim: Victim | None = None
    limits: Limits = Limits()

    @property
    def invoke_path(self) -> str:
        """Where predictions are asked for."""
        return f"/models/{NAMES[0]}/invoke" if self.folders else "/invocations"

    @property
    def headers(self) -> dict[str, str]:
        """Those of an ordinary request."""
        return {"Content-Type": self.content_type, "Accept": self.accepts[0]}

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request, answered in the time that the contract gives.

        Raises:
            EndpointError: it is not.
        """
        limit_s = self.limits.ping_s if path == "/ping" else self.limits.answer_s
        return wire.ask(self.url, method, path, body, headers or {}, timeout_s=limit_s)

    def invoke(self, body: bytes | None = None, **headers: str) -> Reply:
        """A prediction; `headers` with `_` for `-` are added to the ordinary ones."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = self.body if body is None else body
        return self.ask("POST", self.invoke_path, sent, self.headers | named)
