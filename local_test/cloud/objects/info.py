"""What is known of buckets and objects, and what may be wrong with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_TYPE = "binary/octet-stream"
DEFAULT_REGION = "us-east-1"


class NoSuchBucketError(Exception):
    """There is no bucket of that name."""


class BucketNotEmptyError(Exception):
    """There are objects in the bucket."""


class NoSuchKeyError(Exception):
    """There is no object of that key."""


@dataclass(frozen=True)
class Bucket:
    """One bucket; `created_s` in seconds since 1970."""

    name: str
    created_s: float
    region: str


@dataclass(frozen=True)
class Attributes:
    """What goes with an object's content.

    Attributes:
        metadata: the user's own, names without `x-amz-meta-`.
        headers: what HTTP knows of a body beside its type, like `cache-control`.
        checksums: base64, by algorithm in small letters (`crc32`).
        checksum_type: `FULL_OBJECT`, or `COMPOSITE` for checksums of the parts' checksums.
        part_sizes: in bytes, of an object that was uploaded in parts.
    """

    content_type: str = DEFAULT_TYPE
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    checksum_type: str = "FULL_OBJECT"
    tags: Mapping[str, str] = field(default_factory=dict)
    part_sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Info:
    """What is known of an object; `modified_s` in seconds since 1970, `etag` without quotes."""

    bucket: str
    key: str
    size: int
    etag: str
    modified_s: float
    attributes: Attributes

    @property
    def content_type(self) -> str:
        """The media type."""
        return self.attributes.content_type

    @property
    def metadata(self) -> Mapping[str, str]:
        """The user's own, names without `x-amz-meta-`."""
        return self.attributes.metadata
