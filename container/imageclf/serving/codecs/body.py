"""A request's body, by its `Content-Type`."""

from imageclf.config import shortened
from imageclf.errors import RequestError, UnsupportedTypeError
from imageclf.serving.codecs.form_body import read_form
from imageclf.serving.codecs.json_body import read_json, read_lines
from imageclf.serving.codecs.media_types import media_type
from imageclf.serving.codecs.question import Asked, Question

_BYTES_OF_A_PICTURE = ("", "application/x-image", "application/octet-stream")
_TAKEN = (
    "image/jpeg, image/png, image/webp and other image types, application/x-image, "
    "application/octet-stream, application/json, application/jsonlines, multipart/form-data"
)


def read_body(body: bytes, content_type: str, max_images: int) -> Question:
    """The question in `body`; whether its pictures are pictures is not looked at.

    Without a type the body is a picture. Which kind of picture its bytes decide, not the type.

    Raises:
        RequestError: the fault as an error word and a sentence.
    """
    kind = media_type(content_type)
    if not _is_taken(kind):
        raise UnsupportedTypeError(
            "unsupported-type", f"Content-Type is {shortened(kind)}; taken are {_TAKEN}."
        )
    if not body:
        raise RequestError("empty", "The body is empty; send a picture.")
    if kind == "application/json":
        return read_json(body, max_images)
    if kind == "application/jsonlines":
        return read_lines(body, max_images)
    if kind == "multipart/form-data":
        return read_form(body, content_type, max_images)
    return Question((Asked(body, {}),), "one")


def _is_taken(kind: str) -> bool:
    structured = ("application/json", "application/jsonlines", "multipart/form-data")
    return kind.startswith("image/") or kind in _BYTES_OF_A_PICTURE or kind in structured
