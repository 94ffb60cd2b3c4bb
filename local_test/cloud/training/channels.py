"""Data of a channel: from S3 to the folder where a job finds it."""

import gzip
import json
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.objects import uri
from local_test.cloud.training.faults import FAULTS, explain

_CHUNK_BYTES = 1 << 20


class ChannelError(Exception):
    """Data cannot be brought; the message is the job's FailureReason, as AWS would word it."""


Found = tuple[str, str, str]
"""Bucket, key, and the name below the channel's folder."""


def fetch(
    cloud: Cloud,
    source: Mapping[str, Any],
    target: Path,
    *,
    shard: int = 0,
    shards: int = 1,
    compressed: bool = False,
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Bring what an S3DataSource names into the folder `target`; how many objects that were.

    Args:
        source: `S3Uri`, `S3DataType` (S3Prefix or ManifestFile), `S3DataDistributionType`.
        shard: this instance's number, from 0; matters with ShardedByS3Key.
        shards: how many instances there are.
        compressed: the objects are gzip files; they lose their compression, and the ending `.gz`.
        go_on: is asked before each object; once it is false, the rest stays away.

    Raises:
        ChannelError: there is nothing, or it cannot be read, or the disk is full.
    """
    try:
        found = list(_found(cloud, source))
        if source.get("S3DataDistributionType") == "ShardedByS3Key":
            found = found[shard::shards]
        target.mkdir(parents=True, exist_ok=True)
        for bucket, key, name in takewhile(lambda _: go_on(), found):
            _bring(cloud, bucket, key, target / name, compressed)
    except ApiError as error:
        raise ChannelError(f"ClientError: Data download failed: {error.message}") from error
    except FAULTS as error:
        raise ChannelError(
            f"ClientError: Data download failed ({source['S3Uri']}): {explain(error)}"
        ) from error
    return len(found)


def safe_name(name: str) -> str:
    """`name` as a path that stays below the folder that it is put into.

    Raises:
        ChannelError: it would lead out, or is no file name.
    """
    parts = name.split("/")
    if {"", ".", ".."} & set(parts) or "\0" in name:
        raise ChannelError(
            f"ClientError: Data download failed: the object name {name!r} leads out of the "
            "channel's folder or is no path; give the object another key."
        )
    return name


def _found(cloud: Cloud, source: Mapping[str, Any]) -> Iterator[Found]:
    if source.get("S3DataType", "S3Prefix") == "ManifestFile":
        yield from _in_manifest(cloud, source["S3Uri"])
        return
    bucket, prefix = uri.split(source["S3Uri"])
    found = [(bucket, one.key) for one in cloud.objects.list(bucket, prefix)]
    if not found:
        raise ChannelError(
            f'ClientError: Data download failed: No S3 objects found under S3 URL "'
            f'{source["S3Uri"]}" given in input data source. Please ensure that the bucket exists '
            "and that objects exist under that S3 prefix."
        )
    for _, key in found:
        if not key.endswith("/"):  # else it stands for a folder and holds nothing
            yield bucket, key, safe_name(_below(prefix, key))


def _below(prefix: str, key: str) -> str:
    """The part of `key` that a job sees; a prefix may end in the middle of a name."""
    folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
    return key[len(folder) :] if key.startswith(folder) else key[prefix.rfind("/") + 1 :]


def _in_manifest(cloud: Cloud, address: str) -> Iterator[Found]:
    """What a manifest lists: `[{"prefix": "s3://..."}, "name", ...]`."""
    with cloud.objects.open(*uri.split(address)) as file:
        prefix, names = _parse(file.read(), address)
    for name in names:
        bucket, key = uri.split(prefix + name)
        yield bucket, key, safe_name(name.lstrip("/"))


def _parse(content: bytes, address: str) -> tuple[str, Sequence[str]]:
    try:
        first, *names = json.loads(content)
        prefix = first["prefix"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ChannelError(_no_manifest(address)) from error
    if not all(isinstance(name, str) for name in (prefix, *names)):
        raise ChannelError(_no_manifest(address))
    return prefix, names


def _no_manifest(address: str) -> str:
    return (
        f"ClientError: Data download failed: {address} is no manifest; write a JSON list of "
        '{"prefix": "s3://bucket/folder/"} and names.'
    )


def _bring(cloud: Cloud, bucket: str, key: str, target: Path, compressed: bool) -> None:
    if not compressed:
        cloud.objects.fetch(bucket, key, target)
        return
    plain = target.with_name(target.name.removesuffix(".gz"))
    plain.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            cloud.objects.open(bucket, key) as packed,
            gzip.open(packed) as file,
            plain.open("wb") as output,
        ):
            shutil.copyfileobj(file, output, _CHUNK_BYTES)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ChannelError(
            f"ClientError: Data download failed: s3://{bucket}/{key} is not a whole gzip file; "
            "set CompressionType to None, or compress it anew."
        ) from error
