"""What a processing job leaves: the files below a folder, to S3."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from local_test.cloud.job_run import JobFailedError
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import NoSuchBucketError, Objects

_Version = tuple[int, int, int]


class Output:
    """The files below `folder`, kept under `address`; remembers what it has uploaded.

    Links are left out: they could show anything of this machine.
    """

    def __init__(self, objects: Objects, folder: Path, address: str) -> None:
        self._objects = objects
        self._folder = folder.resolve()
        self._address = address
        self._uploaded: dict[str, _Version] = {}

    def upload(self) -> int:
        """Upload what is new or has changed; how many files that were.

        Raises:
            JobFailedError: the bucket is not there.
            OSError: the disk is full.
        """
        count = 0
        for name, version in self._files():
            if self._uploaded.get(name) != version and self._put(name):
                self._uploaded[name] = version
                count += 1
        return count

    def _files(self) -> Iterator[tuple[str, _Version]]:
        if self._folder.resolve() != self._folder:
            return
        for folder, _, names in os.walk(self._folder):
            for name in sorted(names):
                path = Path(folder, name)
                try:
                    found = path.lstat()
                except FileNotFoundError:
                    continue  # a file that was there for a moment only
                if stat.S_ISREG(found.st_mode):
                    version = (found.st_ino, found.st_size, found.st_mtime_ns)
                    yield path.relative_to(self._folder).as_posix(), version

    def _put(self, name: str) -> bool:
        bucket, key = uri.split(uri.join(self._address, name))
        try:
            file = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        with os.fdopen(file, "rb") as source:
            try:
                self._objects.put(bucket, key, source)
            except NoSuchBucketError as error:
                raise JobFailedError(
                    f"ClientError: Output cannot be uploaded to {self._address}: the bucket "
                    f"{bucket} does not exist; create it first."
                ) from error
        return True
