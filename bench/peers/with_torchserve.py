"""A handler for TorchServe, written as its documentation of custom handlers shows."""

import os
from pathlib import Path
from typing import Any

from ts.torch_handler.base_handler import BaseHandler

from bench.peers.network import Answer, Classifier


class PhotographHandler(BaseHandler):  # type: ignore[misc]  # it has no types here
    """The body of a request is the picture."""

    def initialize(self, context: Any) -> None:  # noqa: ARG002  TorchServe's signature
        """Load the model, in each worker."""
        self.classify = Classifier(Path(os.environ["MODEL"]), int(os.environ["THREADS"]))
        self.initialized = True

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[Answer]:  # noqa: ARG002
        """Decode and classify."""
        return [self.classify(bytes(row["body"])) for row in data]
