"""Objects in buckets as files on disk, indexed by an SQLite file.

Keys are only ever rows of the index: no key, whatever it holds, becomes a path. The file of an
object is written beside, then named by the index, and never changed again, so that it may be read
or linked while a newer one takes its place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_NO_METADATA: Mapping[str, str] = {}


class NoSuchBucketError(Exception):
    """There is no bucket of that name."""


class NoSuchKeyError(Exception):
    """There is no object of that key."""


@dataclass(frozen=True)
class Info:
    """What is known of an object; `modified_s` in seconds since 1970, `etag` without quotes."""

    bucket: str
    key: str
    size: int
    etag: str
    modified_s: float
    content_type: str
    metadata: Mapping[str, str]


class Objects:
    """The buckets below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; nothing happens when it is there."""
        raise NotImplementedError

    def has_bucket(self, bucket: str) -> bool:
        """Whether it is there."""
        raise NotImplementedError

    def put(
        self,
        bucket: str,
        key: str,
        source: bytes | BinaryIO | Path,
        content_type: str = "binary/octet-stream",
        metadata: Mapping[str, str] = _NO_METADATA,
    ) -> Info:
        """Keep an object, in place of one of the same key.

        Raises:
            NoSuchBucketError: the bucket is not there.
        """
        raise NotImplementedError

    def info(self, bucket: str, key: str) -> Info:
        """What is known of an object.

        Raises:
            NoSuchBucketError, NoSuchKeyError: it is not there.
        """
        raise NotImplementedError

    def open(self, bucket: str, key: str) -> BinaryIO:
        """The content, to be closed by the caller; raises as `info` does."""
        raise NotImplementedError

    def fetch(self, bucket: str, key: str, target: Path) -> None:
        """Copy the content to the file `target`, whose folder is made; raises as `info` does."""
        raise NotImplementedError

    def list(self, bucket: str, prefix: str = "") -> Iterator[Info]:
        """The objects whose keys begin with `prefix`, sorted by key (as UTF-8 bytes).

        Raises:
            NoSuchBucketError: the bucket is not there.
        """
        raise NotImplementedError

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; nothing happens when there is none."""
        raise NotImplementedError
