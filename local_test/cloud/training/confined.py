"""Reading what a job wrote, without following a link that it may have put there."""

import os
from collections.abc import Iterable
from pathlib import Path


def read_text(path: Path, characters: int) -> str:
    """The beginning of a file; empty when there is none, or a link in its place."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(number, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  (a number)
        try:
            return file.read(characters)
        except OSError:
            return ""


def real_folders(folders: Iterable[Path]) -> list[Path]:
    """Those that are there and are folders, not links to some."""
    return [folder for folder in folders if folder.is_dir() and not folder.is_symlink()]
