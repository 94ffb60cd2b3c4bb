"""What a file is cut into: the bodies of the requests that a container gets.

`SplitType` None sends a file whole. With Line it is cut at line feeds, and `BatchStrategy` says
whether a request has one line or as many as fit into MaxPayloadInMB.
"""

from collections.abc import Iterator
from typing import BinaryIO

MIB = 1 << 20
_LINE_END = b"\n"


class RecordTooLargeError(Exception):
    """A record, or a file that is not to be split, is larger than a request may be."""


def payloads(file: BinaryIO, split: str, strategy: str, max_bytes: int) -> Iterator[list[bytes]]:
    """The records of each request, in order.

    Args:
        split: `None` or `Line`.
        strategy: `MultiRecord` or `SingleRecord`.
        max_bytes: of all records of a request together; 0 for any number.

    Raises:
        RecordTooLargeError: one record alone is larger than `max_bytes`.
    """
    if split == "None":
        yield [_bounded(file.read(max_bytes + 1 if max_bytes else -1), max_bytes)]
        return
    records = _lines(file, max_bytes)
    if strategy == "SingleRecord":
        yield from ([record] for record in records)
    else:
        yield from _batches(records, max_bytes or 1 << 62)


def _lines(file: BinaryIO, max_bytes: int) -> Iterator[bytes]:
    """Lines without their ends; a line that is blank is no record."""
    limit = max_bytes + len(_LINE_END) + 1 if max_bytes else -1
    while line := file.readline(limit):
        record = line.removesuffix(_LINE_END)
        if record.strip():
            yield _bounded(record, max_bytes)


def _batches(records: Iterator[bytes], max_bytes: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for record in records:
        if batch and size + len(_LINE_END) + len(record) > max_bytes:
            yield batch
            batch, size = [], 0
        size += len(record) + (len(_LINE_END) if batch else 0)
        batch.append(record)
    if batch:
        yield batch


def _bounded(record: bytes, max_bytes: int) -> bytes:
    if max_bytes and len(record) > max_bytes:
        raise RecordTooLargeError(
            f"A record is larger than MaxPayloadInMB ({max_bytes // MIB}); raise it, or split the "
            "input by lines."
        )
    return record


def body(records: list[bytes]) -> bytes:
    """What is sent for these records."""
    return _LINE_END.join(records)
