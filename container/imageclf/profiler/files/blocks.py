"""Tables that grow: a header, then blocks of rows, each whole or not there.

A file begins with one line, the header: a checksum and JSON with the columns, the machine and the
readings of its clocks. Each block is a head (a magic word, its length, its rows, checksums of both)
and the rows since the block before: `at_ns` as differences of 64-bit numbers, the others column by
column as 32-bit floats, bytes of like weight together, compressed. A block is written at once; what
a full disk or a kill leaves of it is cut off or skipped, and the blocks before it stay good.

`reading.py` reads them.
"""

import errno
import json
import os
import struct
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

FORMAT = 2

MAGIC = b"ICPB"

HEAD = struct.Struct("<4sIIII")
"""Magic, bytes and rows of the body, CRC-32 of the body, CRC-32 of what stands before it here."""

LARGEST_BODY = 1 << 24
"""Bytes of a block's rows, compressed or not: more is written as several blocks."""

MOST_COLUMNS = 4096
LONGEST_NAME = 100
LARGEST_HEADER = 1 << 20

_COMPRESSION = 1
_UNSURE_BITS = np.uint32(0xFF)


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
        return os.uname().nodename


def coarse(values: Values) -> npt.NDArray[np.float32]:
    """`values` to 16 significant binary digits, near five decimal ones, which need less room."""
    single = np.ascontiguousarray(values, np.float32)
    bits = (single.view(np.uint32) + (_UNSURE_BITS + 1) // 2) & ~_UNSURE_BITS
    return np.where(np.isfinite(single), bits.view(np.float32), np.float32(np.nan))


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
        try:
            self._append(_header({"columns": self.columns, **clocks(), **facts}))
        except OSError:
            self._file.close()
            raise

    def write(self, at_ns: Sequence[int] | Values, rows: Values) -> None:
        """Append rows [N, columns] whose times are `at_ns` [N].

        Raises:
            NotWrittenError: the disk did not take them.
        """
        times = np.asarray(at_ns, np.int64)
        values = np.asarray(rows, np.float32).reshape(len(times), len(self.columns))
        most = max(1, LARGEST_BODY // (8 + 4 * len(self.columns)))
        for first in range(0, len(times), most):
            part = slice(first, first + most)
            self._append(_block(times[part], values[part]))

    def close(self) -> None:
        self._file.close()

    def _append(self, content: bytes) -> None:
        try:
            size = os.fstat(self._file.fileno()).st_size
            written = self._file.write(content)
            if written is None or written < len(content):
                os.ftruncate(self._file.fileno(), size)
                self._file.seek(size)
                raise NotWrittenError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise NotWrittenError(error.errno, error.strerror) from error


def _header(facts: Mapping[str, Any]) -> bytes:
    text = json.dumps({"format": FORMAT, **facts}).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _block(at_ns: npt.NDArray[np.int64], values: npt.NDArray[np.float32]) -> bytes:
    steps = np.diff(at_ns, prepend=np.int64(0))
    content = _by_weight(steps) + _by_weight(np.ascontiguousarray(values.T).ravel())
    body = zlib.compress(content, _COMPRESSION)
    head = HEAD.pack(MAGIC, len(body), len(at_ns), zlib.crc32(body), 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(head)) + body


def _by_weight(numbers: Values) -> bytes:
    """Their bytes, first all of the lowest weight: alike bytes stand together."""
    return numbers.view(np.uint8).reshape(-1, numbers.itemsize).T.tobytes()
