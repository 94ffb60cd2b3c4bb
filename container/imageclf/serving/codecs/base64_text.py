"""Base64 as people send it: both alphabets, line breaks, no padding, `data:` URLs.

URLs of any other kind are refused: nothing is fetched.
"""

import base64
import binascii
import re

from imageclf.config import shortened
from imageclf.errors import RequestError

_URL = re.compile(r"\s*([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_OTHER_ALPHABET = bytes.maketrans(b"-_", b"+/")
_BLANKS = b" \t\r\n"


def picture_bytes(text: str) -> bytes:
    """The bytes that `text` stands for.

    Raises:
        RequestError: ``url-refused``, since nothing is fetched, or ``bad-base64``.
    """
    url = _URL.match(text)
    if url is not None:
        text = _content_of_data_url(text, url.group(1))
    try:
        return _decoded(text)
    except ValueError as error:
        raise RequestError(
            "bad-base64", "The picture is not base64; encode the bytes of its file."
        ) from error


def _content_of_data_url(text: str, scheme: str) -> str:
    if scheme.lower() != "data":
        raise RequestError(
            "url-refused",
            f"The picture is the URL {shortened(text)}, and this container fetches nothing; "
            "send the bytes of the picture as base64.",
        )
    head, comma, content = text.partition(",")
    if not comma or not head.rstrip().lower().endswith(";base64"):
        raise RequestError(
            "bad-base64", "The data: URL is not base64; write data:image/jpeg;base64,..."
        )
    return content


def _decoded(text: str) -> bytes:
    encoded = text.encode("ascii")
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except binascii.Error:
        plain = encoded.translate(_OTHER_ALPHABET, delete=_BLANKS).rstrip(b"=")
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
