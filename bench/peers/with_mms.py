"""The usual inference script of SageMaker's toolkit, for its default handler service."""

import json
import os
from pathlib import Path

from bench.peers.network import Answer, Classifier


def model_fn(model_dir: str) -> Classifier:  # noqa: ARG001  the toolkit's signature
    """Load the model."""
    return Classifier(Path(os.environ["MODEL"]), int(os.environ["THREADS"]))


def input_fn(data: bytes, content_type: str) -> bytes:  # noqa: ARG001  the toolkit's signature
    """The encoded picture."""
    return bytes(data)


def predict_fn(picture: bytes, classify: Classifier) -> Answer:
    """Decode and classify."""
    return classify(picture)


def output_fn(answer: Answer, accept: str) -> str:  # noqa: ARG001  the toolkit's signature
    """JSON."""
    return json.dumps(answer)
