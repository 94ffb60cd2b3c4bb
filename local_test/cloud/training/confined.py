"""Reading what a job wrote, without following a link that it may have put there."""

import os
from collections.abc import Iterable
from pathlib import Path

from imageclf.contract import Tree


def is_inside(path: Path, root: Path) -> bool:
    """Whether `path` really lies below `root`, with all links on the way to it followed."""
    return path.resolve().is_relative_to(root.resolve())


def read_text(path: Path, root: Path, characters: int) -> str:
    """The beginning of a file; empty when there is none, or one from outside in its place."""
    try:
        if not is_inside(path, root):
            return ""
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(number, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  (a number)
        try:
            return file.read(characters)
        except OSError:
            return ""


def folders(trees: Iterable[Tree], part: str) -> list[Path]:
    """That part of each tree, where it is a folder that lies there."""
    found = [(tree.root / part, tree.root) for tree in trees]
    return [folder for folder, root in found if folder.is_dir() and is_inside(folder, root)]
