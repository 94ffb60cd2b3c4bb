"""Decodes one record of an event file: a protobuf Event with one tensor, in TFRecord framing.

The few fields that matter are read from the wire, without protobuf: 2,200 records come with each
saved step. Checksums are not looked at (smdebug writes a constant in their place); lengths are.
Format: tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imageclf.debugger.statistics import Values
from imageclf.errors import TensorsError

HEADER_BYTES = 12
FOOTER_BYTES = 4

MAX_DIMENSIONS = 32

_BFLOAT16 = 14
_DTYPES: dict[int, npt.DTypeLike] = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "u1",
    5: "<i2",
    6: "i1",
    9: "<i8",
    10: "?",
    11: "i1",
    12: "u1",
    13: "<i4",
    _BFLOAT16: "<u2",
    15: "<i2",
    16: "<u2",
    17: "<u2",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
"""Numbers of tensorflow/core/framework/types.proto; text and complex numbers are not taken."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Record:
    """What a record says of its tensor.

    Args:
        at_s: when it was written, Unix time.
        dtype: number in types.proto; 0 for text.
        content: where the values lie, from the record's start.
        varying: where else bytes differ when the same tensor is saved at another step.
    """

    name: str
    at_s: float
    dtype: int
    shape: tuple[int, ...]
    content: Span
    varying: tuple[Span, ...]

    @property
    def is_numeric(self) -> bool:
        """False for text and what else cannot be judged."""
        return self.dtype in _DTYPES


def decode(data: bytes, start: int, length: int) -> Record:
    """The record of `length` bytes that begins at `start`; of its end `data` may lack a part.

    Raises:
        TensorsError: it is damaged, or not such a record.
    """
    try:
        return _decode(data, start, length)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise TensorsError("A record is cut off or damaged.") from error


def values(content: bytes, dtype: int, shape: tuple[int, ...]) -> Values:
    """The array that `content` holds."""
    flat = np.frombuffer(content, _DTYPES[dtype])
    if dtype == _BFLOAT16:
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(shape)


def _decode(data: bytes, start: int, length: int) -> Record:
    (payload,) = struct.unpack_from("<Q", data, start)
    if payload != length - HEADER_BYTES - FOOTER_BYTES:
        raise TensorsError("A record is not as long as its index says.")
    begin = start + HEADER_BYTES
    at_s, summary = 0.0, None
    varying: list[Span] = [(start + length - FOOTER_BYTES, start + length)]
    for number, (first, end) in _fields(data, begin, begin + payload):
        if number == 1:
            (at_s,) = struct.unpack_from("<d", data, first)
            varying.append((first, end))
        elif number == 2:
            varying.append((first, end))
        elif number == 5:
            summary = (first, end)
            break
    if summary is None:
        raise TensorsError("A record holds no tensor.")
    value = next((span for number, span in _fields(data, *summary) if number == 1), None)
    if value is None:
        raise TensorsError("A record holds no tensor.")
    return _value(data, start, value, at_s, varying)


def _value(data: bytes, start: int, value: Span, at_s: float, varying: list[Span]) -> Record:
    name, tensor = "", None
    for number, (first, end) in _fields(data, *value):
        if number == 1:
            name = _text(data, first, end)
        elif number == 8:
            tensor = (first, end)
        elif number == 9:
            varying += _mode_steps(data, (first, end))
    if tensor is None:
        raise TensorsError("A record holds no tensor.")
    dtype, shape, content = _tensor(data, tensor)
    near = tuple((first - start, end - start) for first, end in varying)
    return Record(name, at_s, dtype, shape, (content[0] - start, content[1] - start), near)


def _tensor(data: bytes, tensor: Span) -> tuple[int, tuple[int, ...], Span]:
    dtype, content = 0, (tensor[1], tensor[1])
    shape: tuple[int, ...] = ()
    for number, (first, end) in _fields(data, *tensor):
        if number == 1:
            dtype = _varint(data, first)[0]
        elif number == 2:
            shape = _shape(data, (first, end))
        elif number == 4:
            content = (first, end)
            break
    return dtype, shape, _checked(dtype, shape, content)


def _checked(dtype: int, shape: tuple[int, ...], content: Span) -> Span:
    if dtype in _DTYPES:
        count = 1
        for size in shape:
            count *= size
        if count * np.dtype(_DTYPES[dtype]).itemsize != content[1] - content[0]:
            raise TensorsError("A record's values do not fill its shape.")
    return content


def _shape(data: bytes, span: Span) -> tuple[int, ...]:
    sizes = []
    for number, (first, end) in _fields(data, *span):
        if number == 2:
            dimension = _fields(data, first, end)
            sizes.append(
                next((_varint(data, at)[0] for field, (at, _) in dimension if field == 1), 0)
            )
            if len(sizes) > MAX_DIMENSIONS:
                raise TensorsError("A record's tensor has too many dimensions.")
    return tuple(sizes)


def _mode_steps(data: bytes, metadata: Span) -> Iterator[Span]:
    """Where the number of the step within its mode stands: as text, in a plugin's content."""
    for number, span in _fields(data, *metadata):
        if number == 1:
            plugin = dict(_fields(data, *span))
            if 1 in plugin and 2 in plugin and _text(data, *plugin[1]) == "mode_step":
                yield plugin[2]


def _text(data: bytes, first: int, end: int) -> str:
    if end > len(data):
        raise TensorsError("A record's name is cut off.")
    return data[first:end].decode()


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, Span]]:
    """Each field's number and where its value lies; ends where `data` ends."""
    available = len(data)
    while position < end and position < available:
        key = data[position]
        position += 1
        if key & 0x80:
            key, position = _varint(data, position - 1)
        kind = key & 7
        if kind == 2:
            length = data[position]
            position += 1
            if length & 0x80:
                length, position = _varint(data, position - 1)
            stop = position + length
        elif kind == 0:
            stop = _varint(data, position)[1]
        elif kind in (1, 5):
            stop = position + (8 if kind == 1 else 4)
        else:
            raise TensorsError("A record is not a protobuf message.")
        if stop > end:
            raise TensorsError("A record's field is longer than the record.")
        yield key >> 3, (position, stop)
        position = stop


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
    raise TensorsError("A record holds a number that is too long.")
