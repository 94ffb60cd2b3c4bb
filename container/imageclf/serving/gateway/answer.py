"""What the gateway answers, and the faults it finds itself."""

import json
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `close` ends the connection after it."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    close: bool = False

    @classmethod
    def of(cls, status: int, content: Any) -> "Answer":
        return cls(status, json.dumps(content, ensure_ascii=False).encode() + b"\n")

    @classmethod
    def fault(
        cls, status: int, word: str, message: str, *, close: bool = False, **headers: str
    ) -> "Answer":
        """`{"error": word, "message": message}`; `retry_after` becomes the header Retry-After."""
        content = json.dumps({"error": word, "message": message}, ensure_ascii=False).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, content + b"\n", headers=named, close=close)


class RefusalError(Exception):
    """The request ends here, with `answer`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refuse(
    status: int, word: str, message: str, *, close: bool = False, **headers: str
) -> RefusalError:
    """The refusal whose answer is that fault."""
    return RefusalError(Answer.fault(status, word, message, close=close, **headers))
