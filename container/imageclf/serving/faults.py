"""The fault of a picture as a caller is told it: an error word, a status, a sentence."""

from imageclf.errors import ImageError, RequestError, TooLargeError

_SENTENCES = {
    "empty": "The picture holds no bytes; send those of its file.",
    "not an image": "The bytes are not those of an image; send a JPEG, PNG or WebP.",
    "truncated": "The picture is cut off before its end; send all of it.",
    "unreadable": "The picture is damaged and cannot be decoded; send another copy of it.",
}
"""Instead of sentences that speak of a file among the training data."""

_WORDS = {"unsupported": "unsupported-image"}


def as_request_error(error: ImageError) -> RequestError:
    """The fault of the request that holds the picture."""
    if error.reason == "too large":
        return TooLargeError("too-many-pixels", str(error))
    word = _WORDS.get(error.reason, error.reason.replace(" ", "-"))
    return RequestError(word, _SENTENCES.get(error.reason, str(error)))
