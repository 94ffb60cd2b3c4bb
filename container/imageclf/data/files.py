"""A picture's file, and how long reading it takes.

What a decoder reads by the number of the file, past Python, is not counted.
"""

import io
import time
from pathlib import Path
from typing import IO, Any, Protocol


class Opener(Protocol):
    """What opens as a path does."""

    def open(self, mode: str, /) -> IO[bytes]: ...


class MeasuredFile:
    """Opens `path` for reading; `fetch_ns` is the time spent in opening and reading, so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fetch_ns = 0

    def open(self, mode: str = "rb", /) -> IO[bytes]:
        """The file, to read bytes from.

        Raises:
            OSError: as `Path.open`.
        """
        assert mode == "rb"
        began_ns = time.monotonic_ns()
        raw = _Raw(self.path, self)
        self.fetch_ns += time.monotonic_ns() - began_ns
        return io.BufferedReader(raw)


class _Raw(io.FileIO):
    def __init__(self, path: Path, owner: MeasuredFile) -> None:
        super().__init__(path, "rb")
        self._owner = owner

    def readinto(self, buffer: Any, /) -> int:
        began_ns = time.monotonic_ns()
        count = super().readinto(buffer)
        self._owner.fetch_ns += time.monotonic_ns() - began_ns
        return count

    def readall(self) -> bytes:
        began_ns = time.monotonic_ns()
        content = super().readall()
        self._owner.fetch_ns += time.monotonic_ns() - began_ns
        return content
