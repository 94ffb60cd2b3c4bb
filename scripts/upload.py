"""A folder's files to S3: several at once, only those that differ, resumable by nature.

What is there already is known by its size and its ETag, which is the MD5 of a file that went up in
one piece; where the bucket encrypts so that it is not, by the SHA-256 in the object's metadata.
"""

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from imageclf.errors import DataError

THREADS = 16
_KEY_BYTES = 1024
_KEYS_A_DELETE = 1000
_DIGEST = "sha256"


@dataclass(frozen=True)
class There:
    """An object that is there: its size in bytes and its ETag without quotes."""

    size: int
    etag: str


@dataclass
class Outcome:
    """What an upload did; `strange` are keys that no file stands for."""

    sent: int = 0
    sent_bytes: int = 0
    unchanged: int = 0
    deleted: int = 0
    strange: tuple[str, ...] = ()


def upload(
    s3: Any, folder: Path, files: Sequence[str], bucket: str, prefix: str, *, mirror: bool = False
) -> Outcome:
    """Make the objects below `prefix` those of `files`.

    Args:
        files: places below `folder`.
        prefix: with a slash at its end.
        mirror: delete the objects below `prefix` that no file stands for.

    Raises:
        DataError: a file cannot be read, or its name cannot be a key.
        KeyboardInterrupt: as it came; what was sent stays and is not sent again.
    """
    wanted = {_key(prefix, file): folder / file for file in files}
    there = dict(_list(s3, bucket, prefix))
    outcome = Outcome(strange=tuple(sorted(there.keys() - wanted.keys())))
    sizes = {key: _size(path) for key, path in wanted.items()}
    pool = ThreadPoolExecutor(THREADS)
    bar = tqdm(total=sum(sizes.values()), unit="B", unit_scale=True, desc="S3", disable=None)
    try:
        with bar:
            tasks: dict[Future[int], str] = {
                pool.submit(_send, s3, path, bucket, key, there.get(key)): key
                for key, path in wanted.items()
            }
            for task in as_completed(tasks):
                _count(outcome, task.result())
                bar.update(sizes[tasks[task]])
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if mirror:
        outcome.deleted = _delete(s3, bucket, outcome.strange)
        outcome.strange = ()
    return outcome


def _send(s3: Any, path: Path, bucket: str, key: str, there: There | None) -> int:
    """Send the file unless it is there; the bytes that went, -1 for none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); make it readable.") from error
    digest = hashlib.sha256(content).hexdigest()
    if there is not None and there.size == len(content):
        if there.etag == hashlib.md5(content, usedforsecurity=False).hexdigest():
            return -1
        if _noted_digest(s3, bucket, key) == digest:
            return -1
    s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=content,
        ContentType=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        Metadata={_DIGEST: digest},
    )
    return len(content)


def _noted_digest(s3: Any, bucket: str, key: str) -> str:
    metadata: Mapping[str, str] = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    return metadata.get(_DIGEST, "")


def _count(outcome: Outcome, sent_bytes: int) -> None:
    if sent_bytes < 0:
        outcome.unchanged += 1
    else:
        outcome.sent += 1
        outcome.sent_bytes += sent_bytes


def _list(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, There]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for one in page.get("Contents", []):
            yield one["Key"], There(one["Size"], one["ETag"].strip('"'))


def _delete(s3: Any, bucket: str, keys: Sequence[str]) -> int:
    for start in range(0, len(keys), _KEYS_A_DELETE):
        some = [{"Key": key} for key in keys[start : start + _KEYS_A_DELETE]]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
    return len(keys)


def _key(prefix: str, file: str) -> str:
    key = prefix + file
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise DataError(f"The name {file!r} is not valid UTF-8; rename the file.") from error
    if length > _KEY_BYTES or any(ord(character) < 32 for character in key):
        raise DataError(f"The name {file!r} cannot be one in S3; rename the file.")
    return key


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); run it again.") from error
