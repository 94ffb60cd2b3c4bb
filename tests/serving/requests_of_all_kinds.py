"""Requests that are right, of every type, and what becomes of them when they are garbled."""

import base64
import json
import random
from collections.abc import Callable

from imageclf.serving.jobs import Request
from tests.data.pictures import encoded, gradient

JPEG = encoded(gradient(), "JPEG")
PNG = encoded(gradient(), "PNG")
WEBP = encoded(gradient(), "WEBP")
TEXT = base64.b64encode(JPEG).decode()


def as_json(content: object) -> bytes:
    return json.dumps(content).encode()


def as_form(*pictures: bytes, boundary: str = "boundary", **fields: str) -> bytes:
    parts = [
        b'Content-Disposition: form-data; name="file"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + picture
        for picture in pictures
    ]
    parts += [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    edge = f"--{boundary}".encode()
    return b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts) + edge + b"--\r\n"


def as_lines(*pictures: str) -> bytes:
    return b"".join(as_json({"image": picture}) + b"\n" for picture in pictures)


FORM = "multipart/form-data; boundary=boundary"

RIGHT = (
    Request(JPEG),
    Request(JPEG, "image/jpeg", "application/json", "top_k=2,threshold=0.1"),
    Request(PNG, "image/png", "text/csv", '{"top_k": 1}'),
    Request(WEBP, "image/webp", "*/*", "c000b4f9-df62-4c85-a0bf-7c525f9104a4"),
    Request(JPEG, "application/x-image"),
    Request(PNG, "application/octet-stream", "application/jsonlines"),
    Request(as_json({"image": TEXT, "top_k": 2}), "application/json; charset=utf-8"),
    Request(as_json({"images": [TEXT, TEXT]}), "application/json", "text/csv"),
    Request(as_json({"instances": [{"b64": TEXT}], "threshold": 0.3}), "application/json"),
    Request(as_form(JPEG, top_k="2"), FORM),
    Request(as_form(JPEG, PNG), FORM, "text/csv;q=0.9, application/json;q=0.1"),
    Request(as_lines(TEXT, TEXT), "application/jsonlines"),
    Request(as_lines(TEXT), "application/x-jsonlines", "application/json"),
)

_HEADERS = (
    "",
    "*/*",
    "image/*;q=0",
    "application/json",
    "application/jsonlines",
    "application/x-npy",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=-",
    'multipart/form-data; boundary="bound',
    "top_k=0",
    "top_k=9,threshold=nan",
    "{}",
    "{" * 2000,
    "=;,=",
    ";" * 3000,
    "\x00\ud800☃" * 20,
    "q=1;q=2," * 500,
)


def garbled(draw: random.Random) -> Request:
    """A right request with something wrong about it, or nothing but noise."""
    right, other = draw.choice(RIGHT), draw.choice(RIGHT)
    body = draw.choice((_changed, _changed, _kept, _noise))(right.body, draw)
    return Request(
        body,
        _header(right.content_type, other.content_type, draw),
        _header(right.accept, other.accept, draw),
        _header(right.attributes, other.attributes, draw),
        draw.choice(("", "insects", "\ud800")),
    )


def _kept(body: bytes, draw: random.Random) -> bytes:
    return body


def _noise(body: bytes, draw: random.Random) -> bytes:
    return draw.randbytes(draw.choice((0, 1, 7, 400)))


def _changed(body: bytes, draw: random.Random) -> bytes:
    changed = bytearray(body)
    changes: list[Callable[[int], None]] = [
        lambda place: changed.__setitem__(place, draw.randrange(256)),
        lambda place: changed.__setitem__(min(place, 60), draw.choice(b'\r\n-{}[]",:\\0')),
        lambda place: changed.__delitem__(slice(place, None)),
        lambda place: changed.__delitem__(slice(place, place + draw.randrange(40))),
        lambda place: changed.insert(place, draw.choice(b'\r\n-{}[]",:\\0')),
        lambda place: changed.extend(changed[place : place + 200]),
        lambda place: changed.__setitem__(slice(place, place), b"[" * 1100),
    ]
    for _ in range(draw.choice((1, 1, 2, 8))):
        if changed:
            draw.choice(changes)(draw.randrange(len(changed)))
    return bytes(changed)


def _header(own: str, other: str, draw: random.Random) -> str:
    return draw.choice((own, own, own, own, other, draw.choice(_HEADERS)))
