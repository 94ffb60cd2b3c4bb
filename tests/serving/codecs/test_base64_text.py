import base64

import pytest

from imageclf.errors import RequestError
from imageclf.serving.codecs.base64_text import picture_bytes

CONTENT = bytes(range(256)) + b"\xfb\xff"
PLAIN = base64.b64encode(CONTENT).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.rstrip("="),
        base64.urlsafe_b64encode(CONTENT).decode(),
        base64.encodebytes(CONTENT).decode(),
        base64.encodebytes(CONTENT).decode().replace("\n", "\r\n"),
        f"data:image/png;base64,{PLAIN}",
        f"DATA:;BASE64,{PLAIN}",
        f"data:image/svg+xml;charset=utf-8;base64,{PLAIN}",
    ],
)
def test_base64_is_taken_as_people_send_it(text: str) -> None:
    assert picture_bytes(text) == CONTENT


def test_an_empty_text_is_an_empty_picture() -> None:
    assert picture_bytes("") == b""


@pytest.mark.parametrize(
    "text",
    [
        "http://example.org/a.jpg",
        "HTTPS://example.org/a.jpg",
        " https://example.org/a.jpg",
        "s3://bucket/a.jpg",
        "file:///etc/passwd",
        "ftp://example.org/a.jpg",
        "javascript:alert(1)",
    ],
)
def test_an_address_is_refused_since_nothing_is_fetched(text: str) -> None:
    with pytest.raises(RequestError, match="fetches nothing") as caught:
        picture_bytes(text)
    assert caught.value.reason == "url-refused"


@pytest.mark.parametrize(
    "text",
    ["a", "####", "AAAA=AAA", "Grüße", "\ud800", "/etc/passwd.jpg", "data:image/png,abc", "data:"],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        picture_bytes(text)
    assert caught.value.reason == "bad-base64"
