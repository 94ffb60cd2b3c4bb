"""The headers If-...: whether a request is to be done, by what has the key now."""

from werkzeug.datastructures import Headers
from werkzeug.http import parse_date

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.info import Info
from local_test.cloud.objects.rest import faults


def check_read(info: Info, headers: Headers) -> None:
    """Raises ApiError 412, or 304 for what the client has already."""
    _check_is_same(info, headers, "")
    if _is_known(info, headers, ""):
        raise ApiError("NotModified", "Not Modified", 304)


def check_copy(info: Info, headers: Headers) -> None:
    """Raises ApiError 412 when the source of a copy is not as `x-amz-copy-source-if-...` asks."""
    _check_is_same(info, headers, "x-amz-copy-source-")
    if _is_known(info, headers, "x-amz-copy-source-"):
        raise faults.precondition_failed()


def check_write(info: Info | None, headers: Headers) -> None:
    """Raises ApiError 412 or 404 when the key is not as the writer thinks."""
    none_match = headers.get("If-None-Match")
    if none_match not in (None, "*"):
        raise faults.not_implemented("writing on If-None-Match with anything but *")
    if none_match and info:
        raise faults.precondition_failed()
    match = headers.get("If-Match")
    if match is not None and info is None:
        raise faults.no_such_key()
    if match is not None and info and not _has_etag(info, match):
        raise faults.precondition_failed()


def _check_is_same(info: Info, headers: Headers, prefix: str) -> None:
    match = headers.get(f"{prefix}If-Match")
    if match is not None:
        if not _has_etag(info, match):
            raise faults.precondition_failed()
        return
    since_s = _seconds(headers.get(f"{prefix}If-Unmodified-Since"))
    if since_s is not None and int(info.modified_s) > since_s:
        raise faults.precondition_failed()


def _is_known(info: Info, headers: Headers, prefix: str) -> bool:
    none_match = headers.get(f"{prefix}If-None-Match")
    if none_match is not None:
        return _has_etag(info, none_match)
    since_s = _seconds(headers.get(f"{prefix}If-Modified-Since"))
    return since_s is not None and int(info.modified_s) <= since_s


def _has_etag(info: Info, value: str) -> bool:
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in value.split(",")}
    return "*" in tags or info.etag in tags


def _seconds(date: str | None) -> float | None:
    parsed = parse_date(date)
    return None if parsed is None else parsed.timestamp()
