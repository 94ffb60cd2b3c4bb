"""Finds the index files of a run as they come, without looking twice at old folders."""

import os
import re
import time
from collections.abc import Iterator
from typing import NamedTuple

from imageclf.debugger.tensors.folder import Folder

FOLDER = "index"

_FILE = re.compile(r"([0-9]{1,18})_(.+)\.(?:json|csv)")
_SETTLED_NS = 5_000_000_000
"""A folder whose last change is younger may change again without a newer time."""


class Found(NamedTuple):
    """An index file: its path in the run's folder, and the step and worker in its name."""

    step: int
    worker: str
    path: str
    again: bool
    """It was there before, and has been written anew."""


class Listing:
    """The index files in `folder`. Links are not followed."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._seen: dict[str, int] = {}
        self._settled: dict[str, int] = {}

    def scan(self) -> Iterator[Found]:
        """Those that are new, or written anew, since the last scan."""
        groups = sorted(self._groups())
        for position, name in enumerate(groups):
            if position < len(groups) - 1 and self._is_settled(name):
                continue
            yield from self._new_in(name)

    def _groups(self) -> list[str]:
        try:
            with os.scandir(self._folder.path / FOLDER) as entries:
                return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return []

    def _is_settled(self, name: str) -> bool:
        try:
            changed_ns = (self._folder.path / FOLDER / name).stat().st_mtime_ns
        except OSError:
            return False
        if self._settled.get(name) == changed_ns:
            return True
        if time.time_ns() - changed_ns > _SETTLED_NS:
            self._settled[name] = changed_ns
        return False

    def _new_in(self, name: str) -> Iterator[Found]:
        try:
            with os.scandir(self._folder.path / FOLDER / name) as entries:
                present = [(entry.name, entry) for entry in entries]
        except OSError:
            return
        for file, entry in present:
            path, inode = f"{FOLDER}/{name}/{file}", entry.inode()
            before = self._seen.get(path)
            if before == inode:
                continue
            matched = _FILE.fullmatch(file)
            if matched and entry.is_file(follow_symlinks=False):
                self._seen[path] = inode
                yield Found(int(matched[1]), matched[2], path, before is not None)
