"""Tables that grow: a header, then blocks of rows, each whole or not there.

A file begins with one line of JSON, the header: the columns, the machine and the readings of its
clocks. Each block is a magic word, its length, a checksum, and the rows since the block before,
column by column, compressed: `at_ns` as the differences of 64-bit numbers, the others as 32-bit
floats. A block is written at once; what a full disk or a kill leaves of it is cut off or skipped,
and the blocks before it stay good.
"""

import json
import os
import struct
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

_MAGIC = b"ICPB"
_HEAD = struct.Struct("<4sIII")  # magic, bytes, rows, CRC-32 of the bytes
_LARGEST_BYTES = 1 << 26
_LARGEST_HEADER = 1 << 20
_FORMAT = 1


class NotWrittenError(OSError):
    """A block was not written; the file is as it was before."""


def clocks() -> dict[str, int | str]:
    """One reading of both clocks, and which machine's they are."""
    return {
        "monotonic_ns": time.monotonic_ns(),
        "wall_ns": time.time_ns(),
        "machine": _boot_id(),
    }


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


class Writer:
    """Appends blocks of rows to one file, which it makes anew.

    Args:
        columns: beside `at_ns`, which comes first in every row.
        facts: more for the header, JSON only.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, columns: Sequence[str], facts: Mapping[str, Any]) -> None:
        self.columns = tuple(columns)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb", buffering=0)
        header = {"format": _FORMAT, "columns": self.columns, **clocks(), **facts}
        self._append(json.dumps(header).encode() + b"\n")

    def write(self, at_ns: Sequence[int] | Values, rows: Values) -> None:
        """Append rows [N, columns] whose times are `at_ns` [N].

        Raises:
            NotWrittenError: the disk did not take them.
        """
        times = np.asarray(at_ns, np.int64)
        steps = np.diff(times, prepend=np.int64(0))
        values = np.ascontiguousarray(np.asarray(rows, np.float32).T)
        body = zlib.compress(steps.tobytes() + values.tobytes(), 1)
        self._append(_HEAD.pack(_MAGIC, len(body), len(times), zlib.crc32(body)) + body)

    def close(self) -> None:
        self._file.close()

    def _append(self, content: bytes) -> None:
        size = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(content)
        except OSError as error:
            raise NotWrittenError(error.errno, error.strerror) from error
        if written is None or written < len(content):
            os.ftruncate(self._file.fileno(), size)
            self._file.seek(size)
            raise NotWrittenError(28, os.strerror(28))


def coarse(values: Values) -> npt.NDArray[np.float32]:
    """`values` to 16 significant binary digits, five decimal ones, which need half the room."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x80)) & np.uint32(0xFFFFFF00)
    return np.where(np.isfinite(values), rounded.view(np.float32), np.float32(np.nan))


@dataclass(frozen=True)
class Block:
    """Rows [N, columns] and their times [N]."""

    at_ns: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float32]


class Reader:
    """Reads a file that may still grow; each `fresh` gives what came since the last.

    `header` is empty until the first line is whole; `fault` says in a sentence what was skipped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: dict[str, Any] = {}
        self.fault = ""
        self._at = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(map(str, self.header.get("columns", ())))

    def fresh(self) -> list[Block]:
        """The whole blocks that are new; none when the file is gone."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._at)
                content = file.read()
        except OSError:
            return []
        if not self.header:
            content = self._read_header(content)
        return self._blocks(content) if self.header else []

    def _read_header(self, content: bytes) -> bytes:
        line, end, rest = content.partition(b"\n")
        if not end:
            if len(line) > _LARGEST_HEADER:
                self.fault = f"{self.path.name} has no header."
            return b""
        try:
            header = json.loads(line)
            numbers = [int(header[name]) for name in ("monotonic_ns", "wall_ns")]
            whole = header["format"] == _FORMAT and isinstance(header["columns"], list)
        except (ValueError, TypeError, KeyError, RecursionError):
            whole, numbers = False, []
        if not whole or not numbers:
            self.fault = f"{self.path.name} has no header that can be read."
            return b""
        self.header = header
        self._at += len(line) + 1
        return rest

    def _blocks(self, content: bytes) -> list[Block]:
        found: list[Block] = []
        at = 0
        while at + _HEAD.size <= len(content):
            magic, size, rows, checksum = _HEAD.unpack_from(content, at)
            if magic != _MAGIC or size > _LARGEST_BYTES:
                at = self._skip(content, at)
                continue
            body = content[at + _HEAD.size : at + _HEAD.size + size]
            if len(body) < size:
                break
            block = self._block(body, rows) if zlib.crc32(body) == checksum else None
            if block is None:
                at = self._skip(content, at)
                continue
            found.append(block)
            at += _HEAD.size + size
        self._at += at
        return found

    def _skip(self, content: bytes, at: int) -> int:
        """Where the next block may begin."""
        self.fault = f"{self.path.name} is damaged; what could not be read was left out."
        found = content.find(_MAGIC, at + 1)
        return len(content) if found < 0 else found

    def _block(self, body: bytes, rows: int) -> Block | None:
        width = len(self.columns)
        expected = rows * (8 + 4 * width)
        unpacker = zlib.decompressobj()
        try:
            content = unpacker.decompress(body, expected + 1)
        except zlib.error:
            return None
        if len(content) != expected:
            return None
        at_ns = np.cumsum(np.frombuffer(content, np.int64, rows))
        values = np.frombuffer(content, np.float32, offset=8 * rows).reshape(width, rows).T
        return Block(at_ns, values)
