"""LitServe: one API class, its own workers; no batching, which gains nothing on the CPU."""

import argparse
import os
from pathlib import Path
from typing import Annotated, Any

import litserve
from fastapi import Body

from bench.peers.network import Answer, Classifier


class PhotographAPI(litserve.LitAPI):  # type: ignore[misc]  # it has no types here
    """The body of a request is the picture."""

    def setup(self, device: Any) -> None:  # noqa: ARG002  LitServe's signature
        """Load the model, in each worker."""
        self.classify = Classifier(Path(os.environ["MODEL"]), int(os.environ["THREADS"]))

    def decode_request(self, request: Annotated[bytes, Body()]) -> bytes:
        """The encoded picture."""
        return request

    def predict(self, picture: bytes) -> Answer:
        """Decode and classify."""
        return self.classify(picture)

    def encode_response(self, answer: Answer) -> Answer:
        """Leave the encoding to LitServe."""
        return answer


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    server = litserve.LitServer(
        PhotographAPI(), accelerator="cpu", devices=1, workers_per_device=options.workers
    )
    server.run(
        host="127.0.0.1",
        port=options.port,
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
    )


if __name__ == "__main__":
    main()
