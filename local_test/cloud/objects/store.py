"""Objects in buckets as files on disk, indexed by an SQLite file.

Keys are only ever rows of the index: no key, whatever it holds, becomes a path. The file of an
object is written beside, then named by the index, and never changed again, so that it may be read
or linked while a newer one takes its place.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TypeVar

from local_test.cloud.objects.content import Content, ContentFiles, save
from local_test.cloud.objects.index import Index, end_of
from local_test.cloud.objects.info import (
    DEFAULT_REGION,
    DEFAULT_TYPE,
    Attributes,
    Info,
    NoSuchBucketError,
    NoSuchKeyError,
)
from local_test.cloud.objects.uploads import Uploads

__all__ = ["Info", "NoSuchBucketError", "NoSuchKeyError", "Objects"]

_NO_METADATA: Mapping[str, str] = {}
_PAGE = 1_000
_SWEEP_EVERY_S = 24 * 3600.0
_TRIES = 100

Used = TypeVar("Used")


class Objects:
    """The buckets below `root`; any number of threads and processes may use them at once."""

    def __init__(self, root: Path) -> None:
        self.index = Index(root / "index.sqlite")
        self.files = ContentFiles(root / "content")
        self.uploads = Uploads(self.index, self.files)
        if _is_due(root / "swept"):
            self.files.sweep(self.index.files)

    def create_bucket(self, bucket: str, region: str = DEFAULT_REGION) -> None:
        """Make a bucket; nothing happens when it is there."""
        self.index.create_bucket(bucket, region)

    def has_bucket(self, bucket: str) -> bool:
        """Whether it is there."""
        return bool(self.index.buckets(bucket))

    def delete_bucket(self, bucket: str) -> None:
        """Remove an empty bucket.

        Raises:
            NoSuchBucketError: it is not there.
            BucketNotEmptyError: there are objects in it.
        """
        self.files.remove(*self.index.delete_bucket(bucket))

    def put(
        self,
        bucket: str,
        key: str,
        source: bytes | BinaryIO | Path,
        content_type: str = DEFAULT_TYPE,
        metadata: Mapping[str, str] = _NO_METADATA,
    ) -> Info:
        """Keep an object, in place of one of the same key.

        Raises:
            NoSuchBucketError: the bucket is not there.
            OSError: `source` cannot be read, is a path of a link or of anything but a plain file,
                or the disk is full; nothing has changed then.
        """
        self.index.check_bucket(bucket)
        attributes = Attributes(content_type, dict(metadata))
        return self.name(bucket, key, self.files.write(source), attributes)

    def name(
        self,
        bucket: str,
        key: str,
        content: Content,
        attributes: Attributes,
        check: Callable[[Info | None], object] = lambda _: None,
    ) -> Info:
        """Make a written file the object of that key.

        The file is removed when it cannot be.

        Args:
            bucket: has to be there.
            key: of the object.
            content: the file.
            attributes: what goes with it.
            check: is shown what has the key so far; when it raises, nothing is changed.

        Raises:
            NoSuchBucketError: the bucket is not there.
        """
        info = Info(bucket, key, content.size, content.etag, time.time(), attributes)
        try:
            unneeded = self.index.put(info, content.name, check)
        except BaseException:
            self.files.remove(content.name)
            raise
        self.files.remove(*unneeded)
        return info

    def info(self, bucket: str, key: str) -> Info:
        """What is known of an object.

        Raises:
            NoSuchBucketError, NoSuchKeyError: it is not there.
        """
        return self.index.find(bucket, key)[0]

    def open(self, bucket: str, key: str) -> BinaryIO:
        """The content, to be closed by the caller; raises as `info` does."""
        return self.read(bucket, key)[1]

    def read(self, bucket: str, key: str) -> tuple[Info, BinaryIO]:
        """What is known of an object and its content, of the same moment; raises as `info` does."""
        return self._with_file(bucket, key, self.files.open)

    def share(self, bucket: str, key: str) -> tuple[Info, Content]:
        """An object and its content once more, as if it was written anew; raises as `info` does."""
        info, file = self._with_file(bucket, key, self.files.share)
        return info, Content(file, info.size, info.etag)

    def fetch(self, bucket: str, key: str, target: Path) -> None:
        """Copy the content to the file `target`, whose folder is made; raises as `info` does."""
        with self.open(bucket, key) as source:
            save(source, target)

    def list(self, bucket: str, prefix: str = "") -> Iterator[Info]:
        """The objects whose keys begin with `prefix`, sorted by key (as UTF-8 bytes).

        Raises:
            NoSuchBucketError: the bucket is not there.
        """
        self.index.check_bucket(bucket)
        return self._listed(bucket, prefix.encode())

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; nothing happens when there is none."""
        if self.has_bucket(bucket):
            self.delete_all(bucket, [key])

    def delete_all(self, bucket: str, keys: Iterable[str]) -> None:
        """Remove objects, those that are there; raises NoSuchBucketError."""
        self.files.remove(*self.index.delete(bucket, keys))

    def _listed(self, bucket: str, prefix: bytes) -> Iterator[Info]:
        start = prefix
        while found := self.index.scan(bucket, start, end_of(prefix), _PAGE):
            yield from (info for info, _ in found)
            start = found[-1][0].key.encode() + b"\0"

    def _with_file(self, bucket: str, key: str, use: Callable[[str], Used]) -> tuple[Info, Used]:
        """Use the file of an object; once more when it was replaced between finding and opening."""
        for _ in range(_TRIES):
            info, file = self.index.find(bucket, key)
            try:
                return info, use(file)
            except FileNotFoundError:
                continue
        raise OSError(f"The content of s3://{bucket}/{key} is not on the disk any more.")


def _is_due(mark: Path) -> bool:
    """Whether it is a day since the last time; the file `mark` keeps when that was."""
    if mark.exists() and time.time() - mark.stat().st_mtime < _SWEEP_EVERY_S:
        return False
    mark.touch()
    return True
