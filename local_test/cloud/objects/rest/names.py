"""Which names buckets and objects may have."""

import ipaddress
import re

from local_test.cloud.errors import ApiError

_BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_BEGINNINGS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_LONGEST_KEY = 1_024


def check_bucket(name: str) -> None:
    """Raises ApiError when a bucket may not be called so."""
    if (
        not _BUCKET.fullmatch(name)
        or _is_address(name)
        or name.startswith(_RESERVED_BEGINNINGS)
        or name.endswith(_RESERVED_ENDS)
    ):
        raise ApiError("InvalidBucketName", "The specified bucket is not valid.")


def check_key(key: str) -> None:
    """Raises ApiError when an object may not be called so."""
    if len(key.encode()) > _LONGEST_KEY:
        raise ApiError("KeyTooLongError", "Your key is too long")


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
