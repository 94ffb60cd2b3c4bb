"""Small things about S3 that several launchers need: addresses, listing, reading."""

from collections.abc import Iterator
from typing import Any


def split(uri: str) -> tuple[str, str]:
    """Bucket and key, or prefix, of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def sizes(s3: Any, uri: str) -> Iterator[tuple[str, int]]:
    """Key and bytes of each object whose address begins with `uri`, sorted by key."""
    bucket, prefix = split(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for one in page.get("Contents", []):
            yield one["Key"], one["Size"]


def read(s3: Any, bucket: str, key: str) -> bytes:
    """The content of an object."""
    content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content
