"""Tags of objects, in a header or in XML."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.wrappers import Response

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.rest import answers, faults
from local_test.cloud.objects.rest.call import Call
from local_test.cloud.objects.store import Objects

_MOST = 10
_LONGEST_KEY = 128
_LONGEST_VALUE = 256


def from_header(text: str) -> dict[str, str]:
    """The tags of `x-amz-tagging`, written like a query string; raises ApiError."""
    return _checked(parse_qsl(text, keep_blank_values=True))


def get_tagging(objects: Objects, call: Call) -> Response:
    """GET of an object with `tagging`."""
    tags = objects.info(call.bucket, call.key).attributes.tags
    found = [{"Key": key, "Value": value} for key, value in tags.items()]
    return answers.document("Tagging", {"TagSet": {"Tag": found}})


def put_tagging(objects: Objects, call: Call) -> Response:
    """PUT of an object with `tagging`."""
    objects.index.tag(call.bucket, call.key, _from_document(call.document("Tagging")))
    return answers.empty()


def delete_tagging(objects: Objects, call: Call) -> Response:
    """DELETE of an object with `tagging`."""
    objects.index.tag(call.bucket, call.key, {})
    return answers.empty(204)


def _from_document(content: dict[str, Any]) -> dict[str, str]:
    try:
        tags = as_list((content["TagSet"] or {}).get("Tag"))
        return _checked([(tag["Key"], tag["Value"] or "") for tag in tags])
    except (KeyError, TypeError, AttributeError) as error:
        raise faults.malformed_xml() from error


def as_list(value: Any) -> list[Any]:
    """Elements of the same name, of which there may be none, one or several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _checked(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = list(pairs)
    tags = dict(pairs)
    if len(pairs) > _MOST:
        raise ApiError("BadRequest", f"Object tags cannot be greater than {_MOST}")
    if len(tags) < len(pairs):
        raise ApiError("InvalidTag", "Cannot provide multiple Tags with the same key")
    for key, value in pairs:
        if not 0 < len(key) <= _LONGEST_KEY:
            raise ApiError("InvalidTag", "The TagKey you have provided is invalid")
        if len(value) > _LONGEST_VALUE:
            raise ApiError("InvalidTag", "The TagValue you have provided is invalid")
    return tags
