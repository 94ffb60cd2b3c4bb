"""Answers as S3 gives them: XML documents, headers, errors."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.http import http_date
from werkzeug.wrappers import Response

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.info import Info
from local_test.cloud.objects.rest import checksums
from local_test.cloud.objects.rest.call import Call

OWNER = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
"""Canonical user id of the account."""

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_FOR_XML = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


class Answer(Response):
    """A response without a media type of its own making."""

    default_mimetype = None


def empty(status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer without a body."""
    return Answer(status=status, headers=dict(headers or {}))


def document(
    root: str,
    content: Mapping[str, Any] | str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An answer in XML: lists are repeated elements, None is left out."""
    inner = content if isinstance(content, str) else _elements(content)
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'
    return Answer(text, status, dict(headers or {}), content_type="application/xml")


def error(problem: ApiError, call: Call | None) -> Answer:
    """The answer that tells of a problem; to HEAD it has no body."""
    request_id = new_request_id()
    content = {
        "Code": problem.code,
        "Message": problem.message,
        "BucketName": (call and call.bucket) or None,
        "Key": (call and call.key) or None,
        "Resource": call and call.path,
        "RequestId": request_id,
        "HostId": "local",
    }
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{_elements(content)}</Error>'
    if problem.status == 304:
        return empty(304)
    headers = {"x-amz-request-id": request_id}
    return Answer(text, problem.status, headers, content_type="application/xml")


def new_request_id() -> str:
    """What one request is called."""
    return secrets.token_hex(8).upper()


def of_object(info: Info) -> dict[str, str]:
    """The headers that describe an object."""
    attributes = info.attributes
    headers = {
        "ETag": f'"{info.etag}"',
        "Last-Modified": http_date(info.modified_s),
        "Content-Type": attributes.content_type,
        "Accept-Ranges": "bytes",
        **attributes.headers,
        **{f"x-amz-meta-{name}": value for name, value in attributes.metadata.items()},
    }
    if attributes.tags:
        headers["x-amz-tagging-count"] = str(len(attributes.tags))
    return headers


def of_checksums(info: Info) -> dict[str, str]:
    """The headers with an object's checksums."""
    told = {checksums.HEADER + name: sum_ for name, sum_ in info.attributes.checksums.items()}
    return {**told, f"{checksums.HEADER}type": info.attributes.checksum_type} if told else {}


def in_document(info: Info) -> dict[str, str]:
    """An object's checksums as elements."""
    told = {checksums.field(name): sum_ for name, sum_ in info.attributes.checksums.items()}
    return {**told, "ChecksumType": info.attributes.checksum_type} if told else {}


def time_text(at_s: float) -> str:
    """A time in XML, to the second, as S3 keeps it."""
    return datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _elements(content: Mapping[str, Any]) -> str:
    return "".join(_element(name, value) for name, value in content.items())


def _element(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return f"<{name}>{_elements(value)}</{name}>"
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text, _FOR_XML)}</{name}>"
