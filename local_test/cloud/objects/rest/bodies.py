"""What a request carries, as a stream: freed of `aws-chunked`, held against its checksums."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO
from wsgiref.types import WSGIEnvironment

from werkzeug.datastructures import Headers

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.rest import checksums
from local_test.cloud.objects.rest.checksums import HEADER

_PIECE = 1 << 20
_LARGEST = 5 << 30
"""Of what may be sent at once."""

_LONGEST_LINE = 16 << 10
_SHA256 = re.compile("[0-9a-f]{64}")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})(;.*)?")


class Body:
    """The body of one request; iterate over it once.

    Iterating raises ApiError when the body is shorter than announced (IncompleteBody) or does not
    fit one of its checksums (BadDigest). At the end `checksums` holds what was told and is true,
    or could not be computed here.
    """

    def __init__(self, environ: WSGIEnvironment, headers: Headers) -> None:
        self.checksums: dict[str, str] = {}
        self._headers = headers
        self._source = _Source(environ["wsgi.input"], _length(environ, headers))
        self._trailers = Headers()

    def __iter__(self) -> Iterator[bytes]:
        announced = _names(self._headers)
        told = checksums.computed(
            {"md5", *announced} if "Content-MD5" in self._headers else announced
        )
        sha256 = hashlib.sha256() if self._signed_sha256() else None
        size = 0
        for piece in self._pieces():
            size += len(piece)
            for one in (*told.values(), *([sha256] if sha256 else [])):
                one.update(piece)
            yield piece
        self._check_size(size)
        if sha256 and sha256.hexdigest() != self._signed_sha256():
            raise ApiError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            )
        self._check_sums({name: checksums.text(one.digest()) for name, one in told.items()})

    def all(self, most: int) -> bytes:
        """The whole of it.

        Raises:
            ApiError: more than `most` bytes.
        """
        found = bytearray()
        for piece in self:
            found += piece
            if len(found) > most:
                raise ApiError("MaxMessageLengthExceeded", "Your request was too big.")
        return bytes(found)

    def _pieces(self) -> Iterator[bytes]:
        encoding = self._headers.get("Content-Encoding", "")
        signing = self._headers.get("x-amz-content-sha256", "")
        if "aws-chunked" in encoding or signing.startswith("STREAMING-"):
            return self._unchunked()
        return self._source.pieces()

    def _unchunked(self) -> Iterator[bytes]:
        while size := _chunk_size(self._source.line()):
            yield from self._source.pieces(size)
            if self._source.line():
                raise _incomplete()
        while line := self._source.line():
            name, _, value = line.decode("latin-1").partition(":")
            self._trailers[name.strip().lower()] = value.strip()

    def _signed_sha256(self) -> str | None:
        value = self._headers.get("x-amz-content-sha256", "")
        return value if _SHA256.fullmatch(value) else None

    def _check_size(self, size: int) -> None:
        if str(size) != self._headers.get("x-amz-decoded-content-length", str(size)):
            raise _incomplete()

    def _check_sums(self, computed: Mapping[str, str]) -> None:
        content_md5 = self._headers.get("Content-MD5")
        if content_md5 is not None:
            _check_form(content_md5)
            if content_md5 != computed["md5"]:
                raise ApiError(
                    "BadDigest", "The Content-MD5 you specified did not match what we received."
                )
        told = checksums.given(self._headers) | checksums.given(self._trailers)
        for name, value in told.items():
            if value != computed.get(name, value):
                raise ApiError(
                    "BadDigest",
                    f"The {name.upper()} you specified did not match the calculated checksum.",
                )
        asked = self._headers.get("x-amz-sdk-checksum-algorithm", "").lower()
        self.checksums = {asked: computed[asked]} if asked in computed else {}
        self.checksums.update(told)


class _Source:
    """The bytes as they come in; `length` None for a stream that ends by itself."""

    def __init__(self, stream: BinaryIO, length: int | None) -> None:
        self._stream = stream
        self._left = length

    def pieces(self, size: int | None = None) -> Iterator[bytes]:
        """So many bytes in pieces; all that are left without `size`."""
        wanted = self._left if size is None else size
        while wanted is None or wanted > 0:
            piece = self._read(_PIECE if wanted is None else min(wanted, _PIECE))
            if not piece:
                if wanted is None:
                    return
                raise _incomplete()
            wanted = None if wanted is None else wanted - len(piece)
            yield piece

    def line(self) -> bytes:
        """The bytes up to the next end of a line, without it."""
        most = _LONGEST_LINE if self._left is None else min(_LONGEST_LINE, self._left)
        line = self._counted(self._stream.readline(most))
        if not line.endswith(b"\n"):
            raise _incomplete()
        return line.rstrip(b"\r\n")

    def _read(self, size: int) -> bytes:
        return self._counted(
            self._stream.read(size if self._left is None else min(size, self._left))
        )

    def _counted(self, data: bytes) -> bytes:
        if self._left is not None:
            self._left -= len(data)
        return data


def _length(environ: WSGIEnvironment, headers: Headers) -> int | None:
    if "chunked" in headers.get("Transfer-Encoding", ""):
        return None
    text = environ.get("CONTENT_LENGTH", "")
    if not text:
        raise ApiError(
            "MissingContentLength", "You must provide the Content-Length HTTP header.", 411
        )
    if int(text) > _LARGEST:
        raise ApiError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    return int(text)


def _names(headers: Headers) -> set[str]:
    """The algorithms that a request speaks of, in headers or as a trailer that is to come."""
    trailer = headers.get("x-amz-trailer", "").lower().removeprefix(HEADER)
    asked = headers.get("x-amz-sdk-checksum-algorithm", "").lower()
    return {*checksums.given(headers), trailer, asked}


def _chunk_size(line: bytes) -> int:
    size = _CHUNK_SIZE.fullmatch(line)
    if size is None:
        raise _incomplete()
    return int(size[1], 16)


def _check_form(content_md5: str) -> None:
    try:
        good = len(base64.b64decode(content_md5, validate=True)) == 16
    except binascii.Error:
        good = False
    if not good:
        raise ApiError("InvalidDigest", "The Content-MD5 you specified is not valid.")


def _incomplete() -> ApiError:
    return ApiError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
