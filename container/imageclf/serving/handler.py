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

from imageclf.serving import asked, worker
from imageclf.serving.context import Context
from imageclf.serving.responder import Responder


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
        given = [
            (context.get_all_request_header(index), bytes(one.get("body", b"")))
            for index, one in enumerate(data)
        ]
        responses = asked.answers(self._responder, given)
        for index, response in enumerate(responses):
            context.set_response_status(response.status, "", index)
            context.set_response_content_type(index, response.content_type)
        return [response.body for response in responses]
