import pytest
import requests

from imageclf.errors import RequestError
from imageclf.serving.codecs.form_body import MAX_FIELD_BYTES, MAX_FIELDS, read_form
from imageclf.serving.codecs.question import Asked, Question

Part = tuple[str, tuple[str | None, bytes] | tuple[str | None, bytes, str]]

FILE: Part = ("file", ("a.jpg", b"picture", "image/jpeg"))


def form(*parts: Part) -> tuple[bytes, str]:
    """Body and Content-Type as a real client writes them."""
    prepared = requests.Request("POST", "http://localhost/", files=list(parts)).prepare()
    assert isinstance(prepared.body, bytes)
    return prepared.body, prepared.headers["Content-Type"]


def asked(*parts: Part, max_images: int = 4) -> Question:
    return read_form(*form(*parts), max_images)


def fault(body: bytes, content_type: str, max_images: int = 4) -> RequestError:
    with pytest.raises(RequestError) as caught:
        read_form(body, content_type, max_images)
    return caught.value


def written(*headers: str, content: str = "x", boundary: str = "b") -> tuple[bytes, str]:
    lines = [f"--{boundary}", *headers, "", content, f"--{boundary}--", ""]
    return "\r\n".join(lines).encode(), f"multipart/form-data; boundary={boundary}"


def test_a_file_is_a_picture_and_a_field_an_option() -> None:
    question = asked(FILE, ("top_k", (None, b"3")), ("threshold", (None, b"0.2")))
    assert question == Question((Asked(b"picture", {"top_k": "3", "threshold": "0.2"}),), "one")


def test_several_files_are_several_pictures_in_order() -> None:
    contents = [b"first", b"", b"--third\r\n", b"\r\n\r\n\x00\xff"]
    question = asked(*(("file", (f"{content!r}", content)) for content in contents))
    assert question.shape == "several"
    assert [one.picture for one in question.asked if isinstance(one, Asked)] == contents


def test_a_part_of_an_image_type_is_a_picture_without_a_file_name() -> None:
    assert asked(("image", (None, b"picture", "image/png"))).asked == (Asked(b"picture", {}),)


def test_a_boundary_may_be_quoted() -> None:
    body, content_type = form(FILE)
    name, _, boundary = content_type.partition("boundary=")
    assert read_form(body, f'{name}charset=utf-8; boundary="{boundary}"', 4).shape == "one"


def test_files_are_counted() -> None:
    assert len(asked(*[FILE] * 4).asked) == 4
    assert fault(*form(*[FILE] * 5)).reason == "too-many-images"
    assert fault(*form(*[FILE] * 100)).reason == "too-many-images"
    assert fault(*form(("top_k", (None, b"3")))).reason == "empty"


def test_a_form_is_refused_that_has_no_boundary_or_another_one() -> None:
    body, content_type = form(FILE)
    for other in ("multipart/form-data", content_type + "x", "multipart/form-data; boundary=é☃"):
        assert fault(body, other).reason == "bad-multipart"
    long = "b" * 1000
    assert fault(*written(boundary=long)).reason == "bad-multipart"


def test_a_form_that_was_cut_off_anywhere_is_refused() -> None:
    body, content_type = form(FILE, ("top_k", (None, b"3")))
    for length in range(0, len(body) - 4, 3):
        assert fault(body[:length], content_type).reason == "bad-multipart"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Type: image/jpeg"],
        ["Content-Disposition: attachment; filename=a.jpg"],
        ['Content-Disposition: form-data; name="a"; filename="a"', "No colon"],
        [
            'Content-Disposition: form-data; name="a"; filename="a"',
            "Content-Transfer-Encoding: base64",
        ],
        ['Content-Disposition: form-data; name="a"', *(f"X-{n}: 1" for n in range(20))],
        [f'Content-Disposition: form-data; name="{"a" * 10_000}"'],
    ],
)
def test_parts_with_odd_headers_are_refused(headers: list[str]) -> None:
    assert fault(*written(*headers)).reason == "bad-multipart"


def test_fields_are_bounded() -> None:
    long = ("top_k", (None, b"1" * (MAX_FIELD_BYTES + 1)))
    assert fault(*form(FILE, long)).reason == "bad-multipart"
    many: list[Part] = [(f"field{n}", (None, b"1")) for n in range(MAX_FIELDS + 1)]
    assert fault(*form(FILE, *many)).reason == "bad-multipart"


def test_a_boundary_that_is_there_a_million_times_is_not_even_parsed() -> None:
    body = b"--b\r\n" * 1_000_000
    assert fault(body, "multipart/form-data; boundary=b").reason == "too-many-images"
