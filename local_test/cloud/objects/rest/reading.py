"""GetObject, HeadObject, GetObjectAttributes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, BinaryIO

from werkzeug.http import http_date
from werkzeug.wrappers import Response

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.info import Info
from local_test.cloud.objects.rest import answers, conditions, faults
from local_test.cloud.objects.rest.call import Call
from local_test.cloud.objects.store import Objects

_PIECE = 1 << 18
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")
_OVERRIDES = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)


@dataclass(frozen=True)
class Span:
    """The bytes from `start` to before `stop` of `size`."""

    start: int
    stop: int
    size: int

    @property
    def header(self) -> str:
        """As Content-Range."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def get_object(objects: Objects, call: Call) -> Response:
    """GET of an object, whole or in part."""
    info, source = objects.read(call.bucket, call.key)
    try:
        answer = _described(info, call)
        start = answer[1].start
        source.seek(start)
    except BaseException:
        source.close()
        raise
    head, span = answer
    head.response = _Pieces(source, span.stop - span.start)
    head.direct_passthrough = True
    return head


def head_object(objects: Objects, call: Call) -> Response:
    """HEAD of an object."""
    return _described(objects.info(call.bucket, call.key), call)[0]


def get_attributes(objects: Objects, call: Call) -> Response:
    """GET of an object with `attributes`."""
    info = objects.info(call.bucket, call.key)
    asked = {one.strip() for one in call.headers.get("x-amz-object-attributes", "").split(",")}
    if asked == {""}:
        raise faults.invalid_request("The x-amz-object-attributes header is not specified.")
    count = len(info.attributes.part_sizes)
    known: dict[str, Any] = {
        "ETag": info.etag,
        "Checksum": answers.in_document(info) or None,
        "ObjectParts": {"TotalPartsCount": count} if count else None,
        "StorageClass": info.attributes.headers.get("x-amz-storage-class", "STANDARD"),
        "ObjectSize": info.size,
    }
    if unknown := asked - known.keys():
        raise faults.invalid_argument(f"Invalid attribute name specified: {min(unknown)}.")
    chosen = {name: value for name, value in known.items() if name in asked}
    headers = {"Last-Modified": http_date(info.modified_s)}
    return answers.document("GetObjectAttributesResponse", chosen, headers=headers)


class _Pieces:
    """So many bytes of an open file, which is closed with them."""

    def __init__(self, source: BinaryIO, size: int) -> None:
        self._source = source
        self._left = size

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._source.read(min(_PIECE, self._left)):
            self._left -= len(piece)
            yield piece

    def close(self) -> None:
        self._source.close()


def _described(info: Info, call: Call) -> tuple[answers.Answer, Span]:
    """The answer without its body, and what that is."""
    conditions.check_read(info, call.headers)
    span = _part(info, call) or _range(info, call)
    whole = Span(0, info.size, info.size)
    headers = answers.of_object(info)
    for name in _OVERRIDES:
        if value := call.query.get(f"response-{name}"):
            headers = {known: old for known, old in headers.items() if known.lower() != name}
            headers[name] = _as_header(name, value)
    if span is None and call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers.update(answers.of_checksums(info))
    if span is not None:
        headers["Content-Range"] = span.header
    if "partNumber" in call.query and info.attributes.part_sizes:
        headers["x-amz-mp-parts-count"] = str(len(info.attributes.part_sizes))
    chosen = span or whole
    headers["Content-Length"] = str(chosen.stop - chosen.start)
    return answers.empty(200 if span is None else 206, headers), chosen


def _as_header(name: str, value: str) -> str:
    if not value.isprintable():
        raise faults.invalid_argument(f"The value of response-{name} is not one of a header")
    return value.encode().decode("latin-1")


def _range(info: Info, call: Call) -> Span | None:
    """What the header Range asks for; None for all of it, and for what cannot be understood."""
    found = _RANGE.fullmatch(call.headers.get("Range", ""))
    if found is None:
        return None
    first, last, tail = found.groups()
    if first and last and int(last) < int(first):
        return None
    start = max(0, info.size - int(tail)) if tail else int(first)
    stop = min(int(last) + 1, info.size) if last else info.size
    if start >= info.size:
        raise ApiError("InvalidRange", "The requested range is not satisfiable", 416)
    return Span(start, stop, info.size)


def _part(info: Info, call: Call) -> Span | None:
    """What the parameter partNumber asks for."""
    if "partNumber" not in call.query:
        return None
    if "Range" in call.headers:
        raise faults.invalid_request(
            "Cannot specify both Range header and partNumber query parameter"
        )
    number = call.whole_number("partNumber", 1, 10_000)
    ends = [0, *accumulate(info.attributes.part_sizes or (info.size,))]
    if not 1 <= number < len(ends):
        raise ApiError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416)
    return Span(ends[number - 1], ends[number], info.size)
