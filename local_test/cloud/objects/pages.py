"""Listing a bucket page by page, with keys that share a beginning put together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from local_test.cloud.objects.index import Index, end_of
from local_test.cloud.objects.info import Info

_CHUNK = 1_000
_FIRST_CHUNK = 8
"""Read so few objects where the next may begin a prefix, below which no more are wanted."""

Entry = Info | str
"""An object, or a common prefix."""


@dataclass(frozen=True)
class Page:
    """Objects and common prefixes; `next_start` is where the next page begins, if there is one."""

    objects: Sequence[Info]
    prefixes: Sequence[str]
    next_start: bytes | None
    last: str

    @property
    def count(self) -> int:
        """Of both together."""
        return len(self.objects) + len(self.prefixes)


@dataclass(frozen=True)
class Asked:
    """Which entries of a bucket; none or one character or more as `delimiter`."""

    bucket: str
    prefix: str
    delimiter: str


def page(index: Index, asked: Asked, start: bytes, most: int) -> Page:
    """The entries from `start` (itself too), at most so many.

    A common prefix is what a key has up to the first delimiter behind the prefix asked for; the
    keys below it are skipped in the index, not read.
    """
    entries: list[Entry] = []
    next_start: bytes | None = None
    for entry, position in _entries(index, asked, start, most + 1):
        if len(entries) == most:
            next_start = position
            break
        entries.append(entry)
    return Page(
        [entry for entry in entries if isinstance(entry, Info)],
        [entry for entry in entries if isinstance(entry, str)],
        next_start if most else None,
        _name(entries[-1]) if entries else "",
    )


def after(key: str, asked: Asked) -> bytes:
    """Where a listing goes on behind `key`, which may be a common prefix."""
    if key.startswith(asked.prefix) and _common_prefix(key, asked) == key:
        return end_of(key.encode()) or b""
    return key.encode() + b"\0"


def _entries(index: Index, asked: Asked, start: bytes, most: int) -> Iterator[tuple[Entry, bytes]]:
    """Each entry and the key at which it was met."""
    end = end_of(asked.prefix.encode())
    position = max(asked.prefix.encode(), start)
    chunk = _FIRST_CHUNK if asked.delimiter else _CHUNK
    while rows := index.scan(asked.bucket, position, end, min(most, chunk)):
        chunk = min(2 * chunk, _CHUNK)
        for info, _ in rows:
            key = info.key.encode()
            common = _common_prefix(info.key, asked)
            yield (info if common is None else common), key
            position = key + b"\0"
            if common is not None:
                position = end_of(common.encode()) or b""
                chunk = _FIRST_CHUNK
                break


def _common_prefix(key: str, asked: Asked) -> str | None:
    at = key.find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
    return None if at < 0 else key[: at + len(asked.delimiter)]


def _name(entry: Entry) -> str:
    return entry if isinstance(entry, str) else entry.key
