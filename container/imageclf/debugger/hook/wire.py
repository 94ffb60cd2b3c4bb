"""Bytes of smdebug's event records: one tensor of one step each, and where its changing parts lie.

A record is a TFRecord (length, checksum of the length, event, checksum) around the protocol buffer
`Event{wall_time, step, summary{value{tag, tensor, metadata}}}` of smdebug's `event_pb2`. smdebug
writes no checksum of the content but a constant in its place. protobuf's Python implementation
needs a tenth of a millisecond a record; these few lines need a tenth of that.
"""

import struct
from dataclasses import dataclass

import numpy as np

from imageclf.debugger.hook.foreign import CHECKSUM_MAGIC_BYTES, ModeKeys, masked_crc32c
from imageclf.debugger.statistics import Values
from imageclf.errors import TensorsError

_TYPES = {
    np.dtype(np.float32): 1,
    np.dtype(np.float64): 2,
    np.dtype(np.int32): 3,
    np.dtype(np.uint8): 4,
    np.dtype(np.int64): 9,
    np.dtype(bool): 10,
    np.dtype(np.float16): 19,
}
"""numpy's types and those of TensorProto that smdebug reads back without loss."""

_HEADER_BYTES = 12
WALL_TIME_AT = _HEADER_BYTES + 1
"""Where a record's eight bytes of Unix time lie."""
STEP_AT = WALL_TIME_AT + 9
"""Where its step lies, a varint."""

_FOOTER = struct.pack("<I", masked_crc32c(CHECKSUM_MAGIC_BYTES))


@dataclass(frozen=True)
class Moment:
    """When something was saved: at which step over all modes, and at which of its mode."""

    step: int
    mode: ModeKeys
    mode_step: int


@dataclass(frozen=True)
class Frame:
    """A record but for the values, which lie between `head` and `tail`.

    The digits of the mode's step begin `mode_step_back` bytes before its end.
    """

    head: bytes
    tail: bytes
    mode_step_back: int


def varint(number: int) -> bytes:
    """`number` >= 0 as protocol buffers write it."""
    if number <= 0x7F:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def frame(name: str, values: Values, moment: Moment, at_s: float) -> Frame:
    """The record of tensor `name` around its `values`.

    Raises:
        TensorsError: smdebug's format has no such type of values.
    """
    kind = _TYPES.get(values.dtype)
    if kind is None:
        raise TensorsError(
            f"Tensor {name} is of type {values.dtype}, which smdebug's format cannot hold; "
            "save statistics of it, or convert it."
        )
    tag = name.encode()
    axes = b"".join(_axis(tag, size) for size in values.shape)
    before_values = b"\x08" + varint(kind) + _field(2, axes) + b"\x22" + varint(values.nbytes)
    plugins = [_plugin("mode_step", str(moment.mode_step)), _plugin("mode", str(moment.mode.value))]
    metadata = _field(9, b"".join(plugins))
    tensor_head = _field(1, tag) + b"\x42" + varint(len(before_values) + values.nbytes)
    value_bytes = len(tensor_head) + len(before_values) + values.nbytes + len(metadata)
    value_head = b"\x0a" + varint(value_bytes)
    summary_head = b"\x2a" + varint(len(value_head) + value_bytes)
    when = b"\x09" + struct.pack("<d", at_s) + b"\x10" + varint(moment.step)
    length = len(when) + len(summary_head) + len(value_head) + value_bytes
    head = _header(length) + when + summary_head + value_head + tensor_head + before_values
    back = len(plugins[1]) + len(str(moment.mode_step)) + len(_FOOTER)
    return Frame(head, metadata + _FOOTER, back)


def _axis(tag: bytes, size: int) -> bytes:
    return _field(2, b"\x08" + varint(size) + _field(2, tag + b"_%d" % size))


def _plugin(name: str, content: str) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, content.encode()))


def _header(length: int) -> bytes:
    size = struct.pack("<Q", length)
    return size + struct.pack("<I", masked_crc32c(size))
