"""Reads a trace event by event: the file may be larger than memory, damaged, or made to harm.

Knows the JSON object format of Chrome's traces: the list `traceEvents`, and other members, the
header. Knows nothing of what the events mean.
"""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imageclf.profiler.files import safely

EVENTS = "traceEvents"

_CHUNK, _LEAST = 1 << 20, 1 << 16
_LARGEST_VALUE = 1 << 22
_LARGEST_FILE = 1 << 29
"""After decompression: characters of one event, and bytes that are read of one file."""

_SPACE = " \t\r\n"

_Bytes = gzip.GzipFile | io.BufferedReader

_UNREADABLE = (OSError, EOFError, zlib.error)


class Scan:
    """One pass over a file.

    `header` holds the members before the events, and those after them once all events were given;
    `fault` says in a sentence what was left out.
    """

    def __init__(self, path: Path, largest: int = _LARGEST_FILE) -> None:
        self.path = path
        self.header: dict[str, Any] = {}
        self.fault = ""
        self._largest = largest

    def events(self) -> Iterator[dict[str, Any]]:
        """The events that can be read, in the order of the file."""
        try:
            with _open(self.path) as file:
                yield from self._members(_Text(file, self._largest))
        except _TooLargeError:
            self.fault = f"{self.path.name} is too large; what comes late in it was left out."
        except _UNREADABLE:
            self.fault = f"{self.path.name} ends early; what there is of it was read."
        except (ValueError, RecursionError):
            self.fault = f"{self.path.name} is damaged; what comes after that was left out."

    def _members(self, text: "_Text") -> Iterator[dict[str, Any]]:
        text.take("{")
        while text.peek() != "}":
            name = text.value()
            text.take(":")
            if name == EVENTS:
                yield from self._list(text)
            elif isinstance(name, str):
                self.header[name] = text.value()
            if text.peek() == ",":
                text.take(",")

    def _list(self, text: "_Text") -> Iterator[dict[str, Any]]:
        text.take("[")
        while text.peek() != "]":
            event = text.value()
            if isinstance(event, dict):
                yield event
            if text.peek() == ",":
                text.take(",")
        text.take("]")


class _TooLargeError(Exception):
    """More was in the file than is read."""


class _Text:
    """Values of JSON out of a stream, with only a part of it in memory."""

    def __init__(self, file: _Bytes, largest: int) -> None:
        self._file, self._left = file, largest
        self._buffer, self._at = "", 0
        self._broken: Exception | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._json = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no space.

        Raises:
            EOFError: there is none.
        """
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _SPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._fill():
                raise EOFError

    def take(self, character: str) -> None:
        """Go past `character`.

        Raises:
            ValueError: something else is there.
        """
        if self.peek() != character:
            raise ValueError(character)
        self._at += 1

    def value(self) -> Any:
        """The next value.

        Raises:
            ValueError: it is malformed, or longer than any that is meant well.
            EOFError: it is cut off.
        """
        self.peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._buffer, self._at)
            except ValueError:
                if len(self._buffer) - self._at > _LARGEST_VALUE:
                    raise
                if not self._fill():
                    raise EOFError from None
                continue
            # A number at the very end of what is in memory may go on.
            if end < len(self._buffer) or not self._fill():
                self._at = end
                return value

    def _fill(self) -> bool:
        """Read more, at least as much again as is there: what is long is not looked at too often.

        Raises:
            EOFError, OSError, zlib.error: as far as it goes, the file was given.
        """
        kept = self._buffer[self._at :]
        parts, wanted = [kept], max(_LEAST, len(kept))
        while wanted > 0 and (part := self._part()):
            parts.append(part)
            wanted -= len(part)
        self._buffer, self._at = "".join(parts), 0
        if len(parts) == 1 and self._broken is not None:
            raise self._broken
        return len(parts) > 1

    def _part(self) -> str:
        """Some characters; none at the end, or where the file cannot be read on."""
        part = ""
        while not part and self._broken is None:
            if self._left <= 0:
                self._broken = _TooLargeError()
                break
            try:
                content = self._file.read1(min(_CHUNK, self._left))
            except _UNREADABLE as error:
                self._broken = error
                break
            if not content:
                break
            self._left -= len(content)
            part = self._decoder.decode(content)
        return part


def _open(path: Path) -> _Bytes:
    """The bytes of a plain file; links, pipes and devices are none that is read."""
    file: Any = safely.opened(path)
    return gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else io.BufferedReader(file)
