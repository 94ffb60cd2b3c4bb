"""Which objects a transform job reads, and what their results are called."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local_test.cloud.errors import ApiError
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import NoSuchBucketError, NoSuchKeyError, Objects

_MANIFEST_MAX_BYTES = 64 << 20


class InputError(Exception):
    """What a job was to read cannot be read; the message says what and why."""


@dataclass(frozen=True)
class Input:
    """One object; `name` is what its result is named after, relative to the output's path."""

    bucket: str
    key: str
    name: str

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


def find(objects: Objects, source: dict[str, Any]) -> list[Input]:
    """The objects of an `S3DataSource`, in the order of their keys or of the manifest.

    Raises:
        InputError: there are none, or the manifest is not one.
    """
    address = source["S3Uri"]
    try:
        if source["S3DataType"] == "ManifestFile":
            found = list(_manifest(objects, address))
        else:
            found = list(_prefix(objects, address))
    except (NoSuchBucketError, NoSuchKeyError) as error:
        raise _nothing(address) from error
    except ApiError as error:
        raise InputError(f"ClientError: {error.message}") from error
    if not found:
        raise _nothing(address)
    return found


def _nothing(address: str) -> InputError:
    return InputError(
        f'ClientError: No S3 objects found under S3 URL "{address}" given in input data source. '
        "Please ensure that the bucket exists and that objects exist under that S3 prefix."
    )


def _prefix(objects: Objects, address: str) -> Iterator[Input]:
    bucket, prefix = uri.split(address)
    for info in objects.list(bucket, prefix):
        if not info.key.endswith("/"):
            yield Input(bucket, info.key, relative(prefix, info.key))


def relative(prefix: str, key: str) -> str:
    """`key` without the folder that `prefix` names: what lies in it, or the name of the file."""
    if prefix.endswith("/") or not prefix:
        return key[len(prefix) :]
    if key.startswith(f"{prefix}/"):
        return key[len(prefix) + 1 :]
    folder = prefix.rpartition("/")[0]
    return key[len(folder) + 1 :] if folder else key


def _manifest(objects: Objects, address: str) -> Iterator[Input]:
    bucket, key = uri.split(address)
    with objects.open(bucket, key) as file:
        text = file.read(_MANIFEST_MAX_BYTES)
    try:
        first, *names = json.loads(text)
        prefix = first["prefix"]
        if not all(isinstance(name, str) for name in (prefix, *names)):
            raise TypeError("names are texts")
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"ClientError: The manifest {address} is not valid; it is a JSON array whose first "
            'element is {"prefix": "s3://bucket/folder/"} and whose others are names below it.'
        ) from error
    for name in names:
        bucket, key = uri.split(prefix + name)
        objects.info(bucket, key)
        yield Input(bucket, key, name.lstrip("/"))
