"""The checksums that S3 knows; those that Python brings are computed, the others are kept as told.

A checksum is the base64 of its bytes, its name in small letters (`crc32`).
"""

import base64
import hashlib
import zlib
from collections.abc import Iterable, Sequence
from typing import Protocol

from werkzeug.datastructures import Headers

HEADER = "x-amz-checksum-"
_OF_HASHLIB = ("sha1", "sha256", "sha512", "md5")
_ONLY_KEPT = ("crc32c", "crc64nvme", "xxhash64", "xxhash3", "xxhash128")
NAMES = ("crc32", *_OF_HASHLIB, *_ONLY_KEPT)


class Hash(Protocol):
    """What `hashlib` gives."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes in."""

    def digest(self) -> bytes:
        """The sum of all bytes so far."""


class _Crc32:
    def __init__(self) -> None:
        self._sum = 0

    def update(self, data: bytes, /) -> None:
        self._sum = zlib.crc32(data, self._sum)

    def digest(self) -> bytes:
        return self._sum.to_bytes(4, "big")


def computed(names: Iterable[str]) -> dict[str, Hash]:
    """A fresh hash for each of these algorithms that can be computed here."""
    hashes: dict[str, Hash] = {}
    for name in names:
        if name == "crc32":
            hashes[name] = _Crc32()
        elif name in _OF_HASHLIB:
            hashes[name] = hashlib.new(name, usedforsecurity=False)
    return hashes


def given(headers: Headers) -> dict[str, str]:
    """The checksums that headers or trailers tell."""
    return {name: headers[HEADER + name] for name in NAMES if HEADER + name in headers}


def text(digest: bytes) -> str:
    """A sum as S3 writes it."""
    return base64.b64encode(digest).decode()


def composite(name: str, parts: Sequence[str]) -> str | None:
    """The checksum of the parts' checksums; None where it cannot be computed here."""
    hashes = computed([name])
    if not hashes:
        return None
    for part in parts:
        hashes[name].update(base64.b64decode(part))
    return f"{text(hashes[name].digest())}-{len(parts)}"


def field(name: str) -> str:
    """What the checksum is called in XML: `ChecksumCRC32`."""
    return f"Checksum{name.upper()}"
