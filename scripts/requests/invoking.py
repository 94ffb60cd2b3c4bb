"""What is sent to an endpoint: one picture in its own bytes, and which answer is wanted."""

import mimetypes
from pathlib import Path
from typing import Any

Request = dict[str, Any]

ANY_PICTURE = "application/x-image"
"""The type of a picture of whatever kind; which it is the container sees by its bytes."""

JSON = "application/json"

MOST_CLASSES = 1000
"""Most that `top_k` may be."""


def content_type(picture: Path) -> str:
    """The media type of a picture by its name."""
    guessed = mimetypes.guess_type(picture.name)[0] or ""
    return guessed if guessed.startswith("image/") else ANY_PICTURE


def options(top: int | None) -> str:
    """The custom attributes that ask for the `top` most probable classes; empty for the default."""
    return f"top_k={top}" if top is not None else ""


def invoke(
    endpoint: str, kind: str, top: int | None = None, target_model: str = "", variant: str = ""
) -> Request:
    """The request of InvokeEndpoint without its body.

    Args:
        kind: media type of the body.
        top: how many classes; the container's default else.
        target_model: which archive of a multi-model endpoint.
        variant: which variant; the platform chooses else.
    """
    request: Request = {"EndpointName": endpoint, "ContentType": kind, "Accept": JSON}
    if top is not None:
        request["CustomAttributes"] = options(top)
    if target_model:
        request["TargetModel"] = target_model
    if variant:
        request["TargetVariant"] = variant
    return request


def invoke_async(endpoint: str, kind: str, input_uri: str, top: int | None = None) -> Request:
    """The request of InvokeEndpointAsync for a picture that was uploaded to `input_uri`."""
    request = invoke(endpoint, kind, top)
    return {**request, "InputLocation": input_uri}
