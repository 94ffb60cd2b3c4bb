import base64
import json
from typing import Any

import pytest

from imageclf.errors import RequestError, TooLargeError
from imageclf.serving.codecs.json_body import parsed, read_json, read_lines
from imageclf.serving.codecs.question import Asked, Question

TEXT = base64.b64encode(b"picture").decode()


def asked(content: Any, max_images: int = 4) -> Question:
    return read_json(json.dumps(content).encode(), max_images)


def fault(body: bytes, max_images: int = 4) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read_json(body, max_images)
    return caught.value


@pytest.mark.parametrize("picture", [TEXT, {"b64": TEXT}, f"data:image/jpeg;base64,{TEXT}"])
def test_one_picture_with_its_options(picture: Any) -> None:
    question = asked({"image": picture, "top_k": 3})
    assert question == Question((Asked(b"picture", {"top_k": 3}),), "one")


@pytest.mark.parametrize(
    "content",
    [
        {"images": [TEXT, TEXT]},
        {"instances": [{"image": TEXT}, {"b64": TEXT}]},
        {"instances": [TEXT, {"image": TEXT}]},
    ],
)
def test_a_list_of_pictures_keeps_its_shape(content: Any) -> None:
    assert asked(content) == Question((Asked(b"picture", {}),) * 2, "several")


def test_a_list_of_one_is_still_a_list() -> None:
    assert asked({"images": [TEXT]}).shape == "several"


def test_other_encodings_of_text_are_understood() -> None:
    body = json.dumps({"image": TEXT})
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert read_json(body.encode(encoding), 4).asked == (Asked(b"picture", {}),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([TEXT], "a list"),
        ("text", "a text"),
        (None, "null"),
        (3, "a number"),
        (True, "a truth value"),
        ({}, "names no picture"),
        ({"picture": TEXT}, "names no picture"),
        ({"image": TEXT, "images": []}, "both image and images"),
        ({"image": 3}, "a picture is a number"),
        ({"image": [TEXT]}, "a picture is a list"),
        ({"image": {}}, "names no picture"),
        ({"image": {"b64": TEXT, "top_k": 1}}, "options stand beside"),
        ({"images": {"0": TEXT}}, "an object, not a list"),
        ({"instances": [{"instances": []}]}, "Picture 1"),
        ({"images": [TEXT, None]}, "Picture 2: "),
    ],
)
def test_other_forms_are_refused_with_a_sentence(content: Any, said: str) -> None:
    error = fault(json.dumps(content).encode())
    assert error.reason == "bad-json"
    assert said in str(error)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"image": NaN}',
        b'{"image": "a", "threshold": -Infinity}',
        b"\xff\xfe\xff",
        b'{"top_k": ' + b"9" * 5000 + b"}",
        b"[" * 1200,
        b'{"image":' * 1100,
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    assert fault(body, max_images=64).reason == "bad-json"


def test_a_body_of_millions_of_values_is_refused_before_it_is_parsed() -> None:
    error = fault(b'{"images":[' + b"[]," * 100_000 + b"[]]}")
    assert isinstance(error, TooLargeError)
    assert error.reason == "too-many-values"


def test_pictures_are_counted() -> None:
    assert len(asked({"images": [TEXT] * 4}).asked) == 4
    error = fault(json.dumps({"images": [TEXT] * 5}).encode())
    assert (error.status, error.reason) == (413, "too-many-images")
    assert "5 pictures" in str(error)
    assert fault(b'{"images": []}').reason == "empty"


def test_each_line_is_a_picture_and_a_broken_one_keeps_its_place() -> None:
    lines = [
        json.dumps({"image": TEXT, "top_k": 1}),
        "{",
        "",
        json.dumps({"images": [TEXT]}),
        json.dumps({"b64": "http://a/b"}),
        json.dumps({"b64": TEXT}),
    ]
    question = read_lines("\r\n".join([*lines, "", ""]).encode(), max_images=6)
    assert question.shape == "lines"
    assert question.asked[0] == Asked(b"picture", {"top_k": 1})
    reasons = [one.reason for one in question.asked if isinstance(one, RequestError)]
    assert reasons == ["bad-json", "bad-json", "bad-json", "url-refused"]
    assert question.asked[-1] == Asked(b"picture", {})


def test_lines_are_counted() -> None:
    line = json.dumps({"image": TEXT}).encode()
    assert len(read_lines(b"\n".join([line] * 4) + b"\n", max_images=4).asked) == 4
    with pytest.raises(TooLargeError, match="5 pictures"):
        read_lines(b"\n".join([line] * 5), max_images=4)


def test_a_fault_of_json_is_told_with_its_place() -> None:
    with pytest.raises(RequestError, match="line 2, column 1"):
        parsed('{"image":\n}')
