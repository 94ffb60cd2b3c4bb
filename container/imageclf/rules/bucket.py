"""Fetches what a run saved from S3 into a folder, once or again and again while it is being saved.

AWS_ENDPOINT_URL and credentials are taken as boto3 takes them.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from imageclf.errors import ImageclfError

SCHEME = "s3://"

_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_SPARE_BYTES = 64 << 20
_PAUSE_S = 5.0


@dataclass(frozen=True)
class Kept:
    """What is fetched.

    Args:
        within: where it may lie below the prefix; the empty text stands for the prefix itself.
        folders: its folders, in the order in which their files are to arrive.
        files: its files beside the folders, which arrive last, in this order.
        marks: folders and files of which one at least must be there; a folder ends with a slash.
        error: what is raised.
    """

    within: tuple[str, ...]
    folders: tuple[str, ...]
    files: tuple[str, ...]
    marks: tuple[str, ...]
    error: type[ImageclfError]


class _Object(NamedTuple):
    name: str
    size: int
    tag: str


class Bucket:
    """What is kept at `address`, `s3://BUCKET/PREFIX`, copied into the folder `into`.

    Raises:
        ImageclfError: the address is none; here and below of the kind that `kept` names.
    """

    def __init__(
        self, address: str, into: Path, kept: Kept, clock: Callable[[], float] = time.monotonic
    ) -> None:
        matched = _ADDRESS.fullmatch(address)
        if matched is None:
            raise kept.error(f"{address} is not an address of the form s3://BUCKET/PREFIX.")
        self._address, self._into, self._kept, self._clock = address, into, kept, clock
        self._bucket, self._prefix = matched[1], (matched[2] or "").strip("/")
        self._order = (*kept.folders, *kept.files)
        self._client: Any = None
        self._found: str | None = None
        self._have: dict[str, str] = {}
        self._next_s = 0.0

    def refresh(self) -> None:
        """Fetch what is new, at most every few seconds.

        Raises:
            ImageclfError: S3 cannot be asked or refuses, or the disk has no room for it.
        """
        if self._clock() < self._next_s:
            return
        self._next_s = self._clock() + _PAUSE_S
        with self._asking():
            self._client = self._client or _client()
            self._fetch()

    @property
    def is_there(self) -> bool:
        """Something was found at the address."""
        return self._found is not None

    def _fetch(self) -> None:
        if self._found is None:
            self._found = self._locate()
        if self._found is None:
            return
        missing = [each for each in self._listed(self._found) if self._is_new(each)]
        self._check_room(sum(each.size for each in missing))
        for each in sorted(missing, key=lambda each: (self._order.index(_top(each)), each.name)):
            path = self._into / each.name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._client.download_file(self._bucket, self._found + each.name, str(path))
            self._have[each.name] = each.tag

    def _locate(self) -> str | None:
        for within in self._kept.within:
            prefix = "/".join(part for part in (self._prefix, within) if part)
            prefix = f"{prefix}/" if prefix else ""
            for name in self._kept.marks:
                listed = self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=prefix + name, MaxKeys=1
                )
                if listed.get("KeyCount"):
                    return prefix
        return None

    def _listed(self, prefix: str) -> Iterator[_Object]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        for page in pages:
            for each in page.get("Contents", ()):
                name = each["Key"][len(prefix) :]
                if self._is_safe(name):
                    yield _Object(name, each["Size"], each["ETag"])

    def _is_new(self, each: _Object) -> bool:
        return self._have.get(each.name) != each.tag

    def _check_room(self, size: int) -> None:
        self._into.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._into).free
        if size + _SPARE_BYTES > free:
            raise self._kept.error(
                f"{self._address} holds {size >> 20} MiB, and {self._into} has room for "
                f"{free >> 20} MiB; set TMPDIR to a folder with more room."
            )

    def _is_safe(self, name: str) -> bool:
        """A file of what is kept, whose path leads nowhere else."""
        parts = name.split("/")
        if any(part in {"", ".", ".."} or "\0" in part for part in parts):
            return False
        return name in self._kept.files or (parts[0] in self._kept.folders and len(parts) > 1)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            yield
        except (BotoCoreError, ClientError, Boto3Error, ValueError, OSError) as error:
            said = " ".join(str(error).split()).rstrip(".")
            raise self._kept.error(f"{self._address} cannot be fetched ({said}).") from error


def _top(each: _Object) -> str:
    return PurePosixPath(each.name).parts[0]


def _client() -> Any:
    import boto3  # noqa: PLC0415  (what reads a folder does not need it)

    return boto3.Session().client("s3")
