"""Addresses like `s3://bucket/key`."""

from local_test.cloud.errors import validation


def split(uri: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of an `s3://` address.

    Raises:
        ApiError: it is none.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise validation(f"{uri!r} is not an S3 address; write it like s3://bucket/prefix.")
    return bucket, key


def join(uri: str, *parts: str) -> str:
    """`uri` with `parts` behind it, one slash between each."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts if part.strip("/"))])
