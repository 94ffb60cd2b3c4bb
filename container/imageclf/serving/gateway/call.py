"""One request on its way through the gateway."""

import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Self

from imageclf.serving.gateway.answer import Answer, refuse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

INFERENCE_ID = "x-amzn-sagemaker-inference-id"

_FORWARDED = {
    b"content-type": "x-imageclf-content-type",
    b"accept": "x-imageclf-accept",
    b"x-amzn-sagemaker-custom-attributes": "x-imageclf-attributes",
}
_FORWARDED_CHARACTERS = 4096
"""Together; multi-model-server takes no more than 8,192 bytes of headers."""

_VISIBLE = re.compile(r"[\x20-\x7e]{1,256}")
_SHOWN_CHARACTERS = 200


@dataclass
class Call:
    """A request, and what is known of it at the end for the log.

    `path` is as it was sent: nothing that is percent-encoded means one of ours.
    """

    method: str
    path: str
    query: str
    headers: dict[bytes, str]
    receive: Receive
    inference_id: str
    began: float = field(default_factory=time.monotonic)
    model: str = ""
    bytes_in: int = 0
    queue_ms: float = 0.0

    @classmethod
    def of(cls, scope: Scope, receive: Receive) -> Self:
        """The call of an ASGI scope."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        return cls(
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            headers,
            receive,
            _inference_id(headers.get(INFERENCE_ID.encode(), "")),
        )

    @property
    def shown(self) -> str:
        """The path, no longer than a line of the log should have."""
        return self.path[:_SHOWN_CHARACTERS]

    @property
    def announced(self) -> int | None:
        """Content-Length; the server has refused one that is not a number."""
        length = self.headers.get(b"content-length")
        return int(length) if length is not None else None

    def forwarded(self) -> dict[str, str]:
        """The headers that the worker reads, under the names it reads them by.

        Raises:
            RefusalError: 431 they are longer than multi-model-server takes.
        """
        names = _FORWARDED.items()
        there = {ours: self.headers[name] for name, ours in names if name in self.headers}
        if sum(map(len, there.values())) > _FORWARDED_CHARACTERS:
            raise refuse(
                431,
                "headers-too-large",
                "Content-Type, Accept and X-Amzn-SageMaker-Custom-Attributes may have "
                f"{_FORWARDED_CHARACTERS} characters together; send shorter ones.",
            )
        return there

    def allow(self, *methods: str) -> None:
        """Refuse other methods than these.

        Raises:
            RefusalError: 405.
        """
        if self.method not in methods:
            message = f"{self.shown} takes {' and '.join(methods)}."
            raise refuse(405, "wrong-method", message, allow=", ".join(methods))

    def unknown(self) -> Answer:
        """The answer where there is nothing."""
        return Answer.fault(404, "unknown-path", f"There is no {self.shown} here.")


def _inference_id(given: str) -> str:
    """The caller's, as far as it can be shown, else a new one."""
    return given if _VISIBLE.fullmatch(given) else uuid.uuid4().hex
