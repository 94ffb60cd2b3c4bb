"""Folders of a job that S3 gets while it runs: checkpoints, tensors, profiles."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from local_test.cloud.cloud import Cloud
from local_test.cloud.objects import uri
from local_test.cloud.training import confined
from local_test.cloud.training.channels import safe_name
from local_test.cloud.training.faults import FAULTS

_EVERY_S = 2.0

_Stamp = tuple[int, int]
"""Time of the last change in nanoseconds, and size."""


class Mirror:
    """A folder below `root`, and the address that it goes to.

    While the job runs, new and changed files are carried over; deletions too where `deletes`, but
    only of files that came from here. Links are not followed: they could lead out of the job's
    folders.
    """

    def __init__(
        self, cloud: Cloud, address: str, folder: Path, root: Path, *, deletes: bool = False
    ) -> None:
        self._objects = cloud.objects
        self._bucket, prefix = uri.split(address)
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._folder = folder
        self._root = root
        self._deletes = deletes
        self._known: dict[str, _Stamp] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def restore(self) -> int:
        """Bring what is in S3, before the job starts; how many files.

        Raises:
            ChannelError: a key is no path below the folder.
            NoSuchBucketError: the bucket is not there.
            OSError: the disk is full.
        """
        for one in self._objects.list(self._bucket, self._prefix):
            if not one.key.endswith("/"):
                name = safe_name(one.key[len(self._prefix) :])
                self._objects.fetch(self._bucket, one.key, self._folder / name)
        self._known = dict(self._files())
        return len(self._known)

    def push(self) -> None:
        """Carry over what changed.

        Raises:
            NoSuchBucketError: the bucket is not there.
            OSError: the disk is full.
        """
        there = dict(self._files())
        for name, stamp in there.items():
            if self._known.get(name) != stamp and self._put(name):
                self._known[name] = stamp
        for name in self._known.keys() - there.keys() if self._deletes else ():
            self._objects.delete(self._bucket, self._prefix + name)
            del self._known[name]

    def start(self) -> None:
        """Push every few seconds, in a thread of its own, until `stop`."""
        self._thread = threading.Thread(
            target=self._follow, name=f"mirror {self._folder}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the thread and push the last state; raises as `push` does."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.push()

    def _follow(self) -> None:
        while not self._ended.wait(_EVERY_S):
            with suppress(*FAULTS):  # the last push says it, if it is still so
                self.push()

    def _put(self, name: str) -> bool:
        try:
            self._objects.put(self._bucket, self._prefix + name, self._folder / name)
        except FileNotFoundError:
            return False  # the job took it away meanwhile
        return True

    def _files(self) -> Iterator[tuple[str, _Stamp]]:
        if not confined.is_inside(self._folder, self._root):
            return
        for parent, folders, names in os.walk(self._folder):
            folders.sort()
            for name in sorted(names):
                path = Path(parent, name)
                try:
                    seen = path.lstat()
                except FileNotFoundError:
                    continue
                if path.is_file() and not path.is_symlink():
                    yield str(path.relative_to(self._folder)), (seen.st_mtime_ns, seen.st_size)
