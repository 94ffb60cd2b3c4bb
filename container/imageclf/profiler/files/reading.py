"""Reads tables that `blocks.py` writes: as far as they go, as often as is asked, damaged or not.

Only rows that were written are given, in the order in which they were, each once. What a file says
of itself is not believed further than its checksums and some bounds go: it may come from anywhere.
"""

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from imageclf.profiler.files import safely
from imageclf.profiler.files.axis import reading_of
from imageclf.profiler.files.blocks import (
    FORMAT,
    HEAD,
    LARGEST_BODY,
    LARGEST_HEADER,
    LONGEST_NAME,
    MAGIC,
    MOST_COLUMNS,
)

_PORTION = 2 * LARGEST_BODY
_CHECKSUM = 9  # eight hexadecimal digits and a space

MOST_VALUES = 1 << 28
"""Numbers that are kept of all files of a profile: a day of 100 cores and GPUs, 10 times a second.
"""


@dataclass
class Room:
    """What may be kept still; shared by the readers of one profile."""

    values: int = MOST_VALUES

    def take(self, count: int) -> bool:
        """Whether there is room for `count` numbers, which it then is for no others."""
        if count > self.values:
            return False
        self.values -= count
        return True


@dataclass(frozen=True)
class Block:
    """Times [N] and values [columns, N]."""

    at_ns: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]


class Reader:
    """Reads a file that may still grow; each `fresh` gives what came since the last.

    `header` is empty until the first line is whole; `fault` says in a sentence what was skipped.
    """

    def __init__(self, path: Path, room: Room | None = None) -> None:
        self.path = path
        self.header: dict[str, Any] = {}
        self.columns: tuple[str, ...] = ()
        self.fault = ""
        self.left = 0
        """Bytes at the end that make no whole block yet."""
        self._room = Room() if room is None else room
        self._at = 0
        self._hopeless = False

    def fresh(self) -> list[Block]:
        """The whole blocks that are new; none when the file is gone."""
        if self._hopeless:
            return []
        try:
            with safely.opened(self.path) as file:
                return self._read(file)
        except OSError:
            return []

    def _read(self, file: BinaryIO) -> list[Block]:
        size = os.fstat(file.fileno()).st_size
        if size < self._at:
            self._give_up("has become shorter while it was read; the rest of it is left out")
            return []
        found: list[Block] = []
        while not self._hopeless:
            content = os.pread(file.fileno(), _PORTION, self._at)
            taken = self._blocks(content, found) if self.header else self._read_header(content)
            self._at += taken
            self.left = len(content) - taken
            if not taken:
                break
        return found

    def _read_header(self, content: bytes) -> int:
        line, end, _ = content[: LARGEST_HEADER + 1].partition(b"\n")
        if not end:
            if len(line) > LARGEST_HEADER:
                self._give_up("has no header")
            return 0
        header = _header(line)
        if header is None:
            self._give_up("has no header that can be read")
            return 0
        self.header, self.columns = header, tuple(header["columns"])
        return len(line) + 1

    def _blocks(self, content: bytes, found: list[Block]) -> int:
        """Puts the whole blocks into `found`; returns how many bytes are done with."""
        at = 0
        while at + HEAD.size <= len(content):
            magic, size, rows, checksum, head_checksum = HEAD.unpack_from(content, at)
            head_is_good = zlib.crc32(content[at : at + HEAD.size - 4]) == head_checksum
            if magic != MAGIC or not head_is_good or size > LARGEST_BODY:
                at = self._skip(content, at)
                continue
            end = at + HEAD.size + size
            if end > len(content):
                break
            body = content[at + HEAD.size : end]
            block = self._block(body, rows) if zlib.crc32(body) == checksum else None
            if self._hopeless:
                break
            if block is None:
                at = self._skip(content, at)
                continue
            if rows:
                found.append(block)
            at = end
        return at

    def _skip(self, content: bytes, at: int) -> int:
        """Where the next block may begin; a magic word may be cut in two at the end."""
        self.fault = f"{self.path.name} is damaged; what could not be read of it was left out."
        found = content.find(MAGIC, at + 1)
        return max(at + 1, len(content) - len(MAGIC) + 1) if found < 0 else found

    def _block(self, body: bytes, rows: int) -> Block | None:
        width = len(self.columns)
        expected = rows * (8 + 4 * width)
        if expected > LARGEST_BODY + 8 + 4 * width:
            return None
        try:
            content = zlib.decompressobj().decompress(body, expected + 1)
        except zlib.error:
            return None
        if len(content) != expected:
            return None
        if not self._room.take(rows * (2 + width)):
            self._give_up("holds more than can be read; the rest of it is left out")
            return None
        at_ns = _by_number(content[: 8 * rows], np.dtype("<i8")).cumsum()
        values = _by_number(content[8 * rows :], np.dtype("<f4"))
        return Block(at_ns, values.reshape(width, rows))

    def _give_up(self, why: str) -> None:
        self.fault = f"{self.path.name} {why}."
        self._hopeless = True


def _header(line: bytes) -> dict[str, Any] | None:
    """What the first line says; None when it is damaged or not what a header is."""
    text = line[_CHECKSUM:]
    try:
        if line[:_CHECKSUM] != b"%08x " % zlib.crc32(text):
            return None
        header = json.loads(text)
        columns = header["columns"]
        good = header["format"] == FORMAT and reading_of(header) is not None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return header if good and _are_names(columns) else None


def _are_names(columns: object) -> bool:
    if not isinstance(columns, list) or len(columns) > MOST_COLUMNS:
        return False
    named = all(isinstance(one, str) and len(one) <= LONGEST_NAME for one in columns)
    return named and len(set(columns)) == len(columns)


def _by_number(content: bytes, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """The numbers of which the bytes stand by weight."""
    weights = np.frombuffer(content, np.uint8).reshape(kind.itemsize, -1)
    return np.ascontiguousarray(weights.T).view(kind).ravel()
