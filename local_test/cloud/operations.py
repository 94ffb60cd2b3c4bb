"""What a room of the local cloud is: handlers of API operations, and its beginning and end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.settings import ACCOUNT

Document = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request of the SageMaker API, already held against AWS's model of its input."""

    operation: str
    arguments: Document
    region: str
    account: str = ACCOUNT

    def arn(self, kind: str, name: str) -> str:
        """The ARN of the resource `name` of this kind (`training-job`, `endpoint`, ...)."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name}"


@dataclass(frozen=True)
class RuntimeRequest:
    """InvokeEndpoint or InvokeEndpointAsync, as it came; names of headers in small letters."""

    endpoint: str
    headers: Mapping[str, str]
    body: bytes
    region: str
    asynchronous: bool = False


@dataclass(frozen=True)
class RuntimeResponse:
    """What goes back, byte for byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Handler = Callable[[Cloud, Request], Document]
"""Answers with the output; of its top level only what AWS's model of the output has goes out."""


def _nothing(_cloud: Cloud) -> None:
    return


@dataclass(frozen=True)
class Room:
    """Handlers by operation, and two hooks of the endpoint's process.

    `resume` comes before the first request: what an earlier process left running is picked up or
    marked. `end` comes at an orderly stop.
    """

    operations: Mapping[str, Handler]
    resume: Callable[[Cloud], None] = _nothing
    end: Callable[[Cloud], None] = _nothing
