"""What multi-model-server imports: `imageclf.serving.handler`.

It makes one `Handler` in the parent process of a model and calls `initialize`; the workers are
forked from that process and only `handle`. Batches come as a list of requests; the body of each is
under `body`, and its headers, as the gateway sends them, are in the context. It looks for the one
class that is defined here, so there must be no other.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imageclf.serving import worker
from imageclf.serving.answers import Response
from imageclf.serving.context import Context
from imageclf.serving.jobs import Request
from imageclf.serving.responder import Responder

HEADER_PREFIX = "x-imageclf-"


class Handler:
    """The service of one model."""

    def __init__(self) -> None:
        self._responder: Responder | None = None

    def initialize(self, context: Context) -> None:
        """Load the model of `context`; ends the process when that fails."""
        folder = Path(context.system_properties["model_dir"])
        self._responder = worker.load(folder, os.environ)

    def handle(self, data: Sequence[Mapping[str, Any]], context: Context) -> list[bytes]:
        """The bodies of the answers to a batch; statuses and types go into `context`."""
        assert self._responder is not None
        responses = _answers(self._responder, data, context)
        for index, response in enumerate(responses):
            context.set_response_status(response.status, "", index)
            context.set_response_content_type(index, response.content_type)
        return [response.body for response in responses]


def _answers(
    responder: Responder, data: Sequence[Mapping[str, Any]], context: Context
) -> list[Response]:
    headers = [_headers(context, index) for index in range(len(data))]
    requests = {
        index: _request(given, headers[index])
        for index, given in enumerate(data)
        if "warm-up" not in headers[index]
    }
    answered = dict(zip(requests, responder.answers(list(requests.values())), strict=True))
    return [answered.get(index) or responder.warm_up() for index in range(len(data))]


def _headers(context: Context, index: int) -> dict[str, str]:
    """The gateway's headers of one request, without their prefix."""
    given = {name.lower(): value for name, value in context.get_all_request_header(index).items()}
    return {
        name.removeprefix(HEADER_PREFIX): str(value)
        for name, value in given.items()
        if name.startswith(HEADER_PREFIX)
    }


def _request(given: Mapping[str, Any], headers: Mapping[str, str]) -> Request:
    return Request(
        body=bytes(given.get("body", b"")),
        content_type=headers.get("content-type", ""),
        accept=headers.get("accept", ""),
        attributes=headers.get("attributes", ""),
        model=headers.get("model", ""),
    )
