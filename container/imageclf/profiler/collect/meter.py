"""What every meter of the machine is: columns, and a look that gives a number for each."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

UNKNOWN = math.nan

MIB = 1 << 20

_MOST_BYTES = 1 << 20


class Meter(Protocol):
    """Measures something of the machine, again and again; what cannot be measured is NaN."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of what it measures."""
        ...

    def read(self, elapsed_s: float) -> Sequence[float]:
        """The figures for the time since the last look, which was `elapsed_s` ago."""
        ...


class ProcFile:
    """A file of /proc or /sys that is read again and again without being opened again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number: int | None = None
        self._open()

    @property
    def is_open(self) -> bool:
        return self._number is not None

    def read(self) -> bytes:
        """All of it; empty when it is not there or tells nothing any more."""
        if self._number is None:
            return b""
        try:
            content = os.pread(self._number, _MOST_BYTES, 0)
        except OSError:
            self.close()
            return b""
        return content

    def close(self) -> None:
        """Tell nothing any more."""
        if self._number is not None:
            os.close(self._number)
            self._number = None

    def _open(self) -> None:
        try:
            self._number = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._number = None


def named_numbers(content: bytes) -> dict[str, int]:
    """Lines such as `nr_throttled 12`; whatever is not of that form is left out."""
    found = {}
    for line in content.decode("ascii", "replace").splitlines():
        name, _, number = line.partition(" ")
        if number.strip().isdecimal():
            found[name] = int(number)
    return found
