"""What is in a bucket: ListObjectsV2, ListObjects, and ListObjectVersions without versions."""

import base64
import binascii
from typing import Any
from urllib.parse import quote

from werkzeug.wrappers import Response

from local_test.cloud.objects.info import Info
from local_test.cloud.objects.pages import Asked, Page, after, page
from local_test.cloud.objects.rest import answers, faults
from local_test.cloud.objects.rest.call import Call
from local_test.cloud.objects.store import Objects

MOST_KEYS = 1_000
_OWNER = {"ID": answers.OWNER}


def list_objects_v2(objects: Objects, call: Call) -> Response:
    """GET of a bucket with `list-type=2`."""
    token = call.query.get("continuation-token")
    start_after = call.query.get("start-after", "")
    start = _position(token) if token is not None else _behind(start_after)
    found = _page(objects, call, start)
    next_token = found.next_start and base64.urlsafe_b64encode(found.next_start).decode()
    owner = _OWNER if call.query.get("fetch-owner") == "true" else None
    content = {
        **_head(call, found),
        "KeyCount": found.count,
        "ContinuationToken": token,
        "StartAfter": encoded(call, start_after) or None,
        "NextContinuationToken": next_token,
        "Contents": [_entry(call, info, owner) for info in found.objects],
        "CommonPrefixes": _prefixes(call, found),
    }
    return answers.document("ListBucketResult", content)


def list_objects(objects: Objects, call: Call) -> Response:
    """GET of a bucket, the old way."""
    marker = call.query.get("marker", "")
    found = _page(objects, call, _behind_marker(call, marker))
    is_cut = found.next_start and call.query.get("delimiter")
    content = {
        **_head(call, found),
        "Marker": encoded(call, marker),
        "NextMarker": encoded(call, found.last) if is_cut else None,
        "Contents": [_entry(call, info, _OWNER) for info in found.objects],
        "CommonPrefixes": _prefixes(call, found),
    }
    return answers.document("ListBucketResult", content)


def list_versions(objects: Objects, call: Call) -> Response:
    """GET of a bucket with `versions`: each object is its only version, `null`."""
    marker = call.query.get("key-marker", "")
    found = _page(objects, call, _behind_marker(call, marker))
    versions = [
        {**_entry(call, info, _OWNER), "VersionId": "null", "IsLatest": True}
        for info in found.objects
    ]
    content = {
        **_head(call, found),
        "KeyMarker": encoded(call, marker),
        "VersionIdMarker": call.query.get("version-id-marker", ""),
        "NextKeyMarker": encoded(call, found.last) if found.next_start else None,
        "NextVersionIdMarker": "null" if found.next_start else None,
        "Version": versions,
        "CommonPrefixes": _prefixes(call, found),
    }
    return answers.document("ListVersionsResult", content)


def encoded(call: Call, text: str) -> str:
    """A key as the client wants it: percent-encoded for `encoding-type=url`."""
    encoding = call.query.get("encoding-type")
    if encoding not in (None, "", "url"):
        raise faults.invalid_argument("Invalid Encoding Method specified in Request")
    return quote(text, safe="/") if encoding else text


def _page(objects: Objects, call: Call, start: bytes) -> Page:
    objects.index.check_bucket(call.bucket)
    most = call.whole_number("max-keys", MOST_KEYS, MOST_KEYS)
    return page(objects.index, _asked(call), start, most)


def _head(call: Call, found: Page) -> dict[str, Any]:
    return {
        "Name": call.bucket,
        "Prefix": encoded(call, call.query.get("prefix", "")),
        "Delimiter": encoded(call, call.query.get("delimiter", "")) or None,
        "MaxKeys": call.whole_number("max-keys", MOST_KEYS, MOST_KEYS),
        "EncodingType": call.query.get("encoding-type") or None,
        "IsTruncated": found.next_start is not None,
    }


def _entry(call: Call, info: Info, owner: dict[str, str] | None) -> dict[str, Any]:
    attributes = info.attributes
    return {
        "Key": encoded(call, info.key),
        "LastModified": answers.time_text(info.modified_s),
        "ETag": f'"{info.etag}"',
        "ChecksumAlgorithm": [name.upper() for name in attributes.checksums],
        "ChecksumType": attributes.checksum_type if attributes.checksums else None,
        "Size": info.size,
        "Owner": owner,
        "StorageClass": attributes.headers.get("x-amz-storage-class", "STANDARD"),
    }


def _prefixes(call: Call, found: Page) -> list[dict[str, str]]:
    return [{"Prefix": encoded(call, prefix)} for prefix in found.prefixes]


def _asked(call: Call) -> Asked:
    return Asked(call.bucket, call.query.get("prefix", ""), call.query.get("delimiter", ""))


def _behind(key: str) -> bytes:
    return key.encode() + b"\0" if key else b""


def _behind_marker(call: Call, marker: str) -> bytes:
    if not marker:
        return b""
    return after(marker, _asked(call))


def _position(token: str) -> bytes:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise faults.invalid_argument("The continuation token provided is incorrect") from error
