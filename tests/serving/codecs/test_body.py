import json

import pytest

from imageclf.errors import RequestError
from imageclf.serving.codecs.body import read_body
from imageclf.serving.codecs.question import Asked, Question


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/x-anything",
        "IMAGE/JPEG; charset=binary",
        "application/x-image",
        "application/octet-stream",
    ],
)
def test_the_bytes_of_a_picture_are_handed_on_as_they_are(content_type: str) -> None:
    assert read_body(b"any", content_type, 4) == Question((Asked(b"any", {}),), "one")


@pytest.mark.parametrize(
    ("content_type", "shape"),
    [
        ("application/json; charset=utf-8", "one"),
        ("application/jsonlines", "lines"),
        ("application/x-jsonlines", "lines"),
        ("application/jsonl", "lines"),
    ],
)
def test_json_is_read_by_its_type(content_type: str, shape: str) -> None:
    assert read_body(json.dumps({"image": "AAAA"}).encode(), content_type, 4).shape == shape


@pytest.mark.parametrize(
    "content_type",
    [
        "text/csv",
        "text/plain",
        "text/html",
        "application/x-npy",
        "application/x-python-pickle",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=a",
        "image",
        "jpeg",
    ],
)
def test_other_types_are_refused_with_those_that_are_taken(content_type: str) -> None:
    with pytest.raises(RequestError, match="application/jsonlines") as caught:
        read_body(b"any", content_type, 4)
    assert (caught.value.status, caught.value.reason) == (415, "unsupported-type")


@pytest.mark.parametrize(
    "content_type", ["", "image/jpeg", "application/json", "application/jsonl"]
)
def test_an_empty_body_is_called_empty(content_type: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_body(b"", content_type, 4)
    assert caught.value.reason == "empty"
