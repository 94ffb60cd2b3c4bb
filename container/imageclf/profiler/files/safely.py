"""Reads files of a profile that may come from anywhere: only plain files, only so much of them."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

_MOST_FILES = 10_000


def inside(folder: Path, suffix: str = "") -> list[Path]:
    """The plain files in `folder` with names that end in `suffix`, hidden ones left out."""
    try:
        with os.scandir(folder) as entries:
            found = [one.name for one in entries if one.is_file(follow_symlinks=False)]
    except OSError:
        return []
    chosen = [name for name in found if name.endswith(suffix) and not name.startswith(".")]
    return [folder / name for name in sorted(chosen)[:_MOST_FILES]]


def opened(path: Path) -> BinaryIO:
    """`path`, to be read; a link, a pipe or a device is none that is read.

    Raises:
        OSError: it is not there or not a plain file.
    """
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(f"{path.name} is not a plain file.")
        return os.fdopen(number, "rb", buffering=0)
    except OSError:
        os.close(number)
        raise


def read(path: Path, most_bytes: int) -> bytes | None:
    """The first `most_bytes` of `path`; None when it cannot be read."""
    try:
        with opened(path) as file:
            return file.read(most_bytes)
    except OSError:
        return None
