"""Sentences that a collector leaves in a small file of its own: why it recorded less, or ended.

The file's place on the disk is taken when the collector begins, and a sentence is written over it,
so that even a disk that has become full takes it.
"""

import contextlib
import os
from pathlib import Path

from imageclf.profiler import names
from imageclf.profiler.files import safely

FOLDER = names.FAULTS

_ROOM = 2048


class Faults:
    """The file of the collector `name` in the profile `folder`; never raises."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / names.FAULTS / f"{name}.txt"
        self._said: list[str] = []
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(b" " * _ROOM)

    def say(self, sentence: str) -> None:
        """Keep one more sentence, once."""
        if not sentence or sentence in self._said:
            return
        self._said.append(sentence)
        text = "\n".join(" ".join(one.split()) for one in self._said)
        content = text.encode()[:_ROOM].decode("utf-8", "ignore").encode()
        with contextlib.suppress(OSError):
            number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.pwrite(number, content.ljust(_ROOM), 0)
            finally:
                os.close(number)

    def close(self) -> None:
        """Take the file away when nothing was said."""
        if not self._said:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)


def read(folder: Path) -> list[str]:
    """All that was said in the profile `folder`."""
    found: list[str] = []
    for path in safely.inside(folder / names.FAULTS, ".txt"):
        content = safely.read(path, _ROOM) or b""
        lines = content.decode("utf-8", "replace").splitlines()
        found += [line.strip() for line in lines if line.strip(" \0")]
    return found
