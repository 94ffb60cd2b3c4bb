"""Scalars for TensorBoard: its event files, with nothing but scalars in them.

An event file is a row of TFRecords, each a length, the length's checksum, the bytes and their
checksum; the bytes are an `Event` message in the wire format of protocol buffers. Sources, in
tensorflow/core: util/event.proto, framework/summary.proto, lib/io/record_writer.h and
lib/hash/crc32c.h.
"""

import errno
import itertools
import logging
import math
import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger(__name__)

_VERSION = b"brain.Event:2"
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected
_MASK_DELTA = 0xA282EAD8

# Types of the fields of a message.
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5

_numbers = itertools.count()


class Board:
    """Writes into `folder`, which need not be there; nothing at all when it is None.

    Each event is in the file as soon as it is written. `fault` says in a sentence why writing
    ended early.
    """

    def __init__(self, folder: Path | None) -> None:
        self.fault = ""
        self._folder = folder
        self._descriptor: int | None = None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Values of a step by their tags; what is not a finite number is left out."""
        finite = {tag: value for tag, value in values.items() if math.isfinite(value)}
        if self._folder is None or self.fault or not finite:
            return
        try:
            self._open(self._folder)
            self._write(_record(_event(step, finite)))
        except OSError as error:
            self.fault = f"TensorBoard's scalars ended early: {error.strerror or error}."
            log.warning("%s", self.fault)
            self.close()

    def close(self) -> None:
        """Nothing more will come; may be called again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self, folder: Path) -> None:
        if self._descriptor is None:
            self._descriptor = _create(folder)
            self._write(_record(_stamp() + _field(3, _BYTES, _VERSION)))

    def _write(self, content: bytes) -> None:
        """All of it or nothing: half a record would end what TensorBoard reads."""
        assert self._descriptor is not None
        size = os.fstat(self._descriptor).st_size
        if os.write(self._descriptor, content) < len(content):
            os.ftruncate(self._descriptor, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _create(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}"
    path = folder / f"{name}.{os.getpid()}.{next(_numbers)}"
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)


def _event(step: int, values: Mapping[str, float]) -> bytes:
    summary = b"".join(
        _field(1, _BYTES, _field(1, _BYTES, tag.encode()) + _field(2, _FIXED_32, _float(value)))
        for tag, value in values.items()
    )
    return _stamp() + _field(2, _VARINT, _varint(step)) + _field(5, _BYTES, summary)


def _stamp() -> bytes:
    return _field(1, _FIXED_64, struct.pack("<d", time.time()))


def _float(value: float) -> bytes:
    largest = 3.4028234663852886e38
    return struct.pack("<f", max(-largest, min(largest, value)))


def _field(number: int, kind: int, content: bytes) -> bytes:
    length = _varint(len(content)) if kind == _BYTES else b""
    return _varint(number << 3 | kind) + length + content


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; negative numbers as 64-bit two's complement."""
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _checksum(content: bytes) -> bytes:
    """CRC-32C, rotated and shifted: a checksum of data that holds checksums would be weak."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    masked = ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF
    return struct.pack("<I", masked)


def _row(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_row, range(256)))
