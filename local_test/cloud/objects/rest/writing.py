"""PutObject, CopyObject, DeleteObject, DeleteObjects."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.content import Content
from local_test.cloud.objects.info import DEFAULT_TYPE, Attributes, Info
from local_test.cloud.objects.rest import answers, conditions, faults, names, tags
from local_test.cloud.objects.rest.call import Call
from local_test.cloud.objects.store import Objects

_KEPT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)
_LARGEST_METADATA = 2 << 10
_MOST_DELETED = 1_000


def put_object(objects: Objects, call: Call) -> Response:
    """PUT of an object."""
    names.check_key(call.key)
    objects.index.check_bucket(call.bucket)
    attributes = attributes_of(call)
    conditions.check_write(_found(objects, call), call.headers)
    body = call.body()
    content = objects.files.write(body)
    info = objects.name(
        call.bucket,
        call.key,
        content,
        replace(attributes, checksums=body.checksums),
        lambda old: conditions.check_write(old, call.headers),
    )
    return answers.empty(200, {"ETag": f'"{info.etag}"', **answers.of_checksums(info)})


def attributes_of(call: Call) -> Attributes:
    """What a request that makes an object says about it; raises ApiError."""
    headers = call.headers
    if any(name.lower().startswith("x-amz-object-lock-") for name in headers.keys()):  # noqa: SIM118
        raise faults.not_implemented("locking of objects")
    metadata = call.metadata
    _check_metadata(metadata)
    return Attributes(
        headers.get("Content-Type") or DEFAULT_TYPE,
        metadata,
        _kept(headers),
        tags=tags.from_header(headers.get("x-amz-tagging", "")),
    )


def copy_object(objects: Objects, call: Call) -> Response:
    """PUT of an object with `x-amz-copy-source`."""
    names.check_key(call.key)
    objects.index.check_bucket(call.bucket)
    bucket, key = source_of(call)
    info, content = shared(objects, bucket, key)
    try:
        conditions.check_copy(info, call.headers)
        attributes = _copied(call, info, is_same=(bucket, key) == (call.bucket, call.key))
    except ApiError:
        objects.files.remove(content.name)
        raise
    copy = objects.name(
        call.bucket,
        call.key,
        content,
        attributes,
        lambda old: conditions.check_write(old, call.headers),
    )
    result = {
        "ETag": f'"{copy.etag}"',
        "LastModified": answers.time_text(copy.modified_s),
        **answers.in_document(copy),
    }
    return answers.document("CopyObjectResult", result)


def source_of(call: Call) -> tuple[str, str]:
    """Bucket and key of `x-amz-copy-source`; raises ApiError."""
    path, _, version = call.headers["x-amz-copy-source"].partition("?versionId=")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        raise faults.invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        )
    if version not in ("", "null"):
        raise faults.no_such_version()
    return bucket, key


def shared(objects: Objects, bucket: str, key: str) -> tuple[Info, Content]:
    """An object and its content once more, with the ETag of a body sent at once."""
    info, content = objects.share(bucket, key)
    if "-" not in info.etag:
        return info, content
    objects.files.remove(content.name)
    info, source = objects.read(bucket, key)
    with source:
        return info, objects.files.write(source)


def delete_object(objects: Objects, call: Call) -> Response:
    """DELETE of an object, there or not."""
    if "If-Match" in call.headers:
        raise faults.not_implemented("deleting on If-Match")
    objects.delete_all(call.bucket, [call.key])
    return answers.empty(204)


def delete_objects(objects: Objects, call: Call) -> Response:
    """POST to a bucket with `delete`: up to a thousand at once."""
    objects.index.check_bucket(call.bucket)
    content = call.document("Delete")
    wanted = tags.as_list(content.get("Object"))
    if not 0 < len(wanted) <= _MOST_DELETED:
        raise faults.malformed_xml()
    try:
        versions = {one["Key"] or "": one.get("VersionId") or "null" for one in wanted}
    except (KeyError, TypeError, AttributeError) as error:
        raise faults.malformed_xml() from error
    deleted = [key for key, version in versions.items() if version == "null"]
    objects.delete_all(call.bucket, deleted)
    is_quiet = content.get("Quiet") == "true"
    result = {
        "Deleted": [] if is_quiet else [{"Key": key} for key in deleted],
        "Error": [_no_version(key) for key in versions.keys() - set(deleted)],
    }
    return answers.document("DeleteResult", result)


def _no_version(key: str) -> dict[str, str]:
    problem = faults.no_such_version()
    return {"Key": key, "Code": problem.code, "Message": problem.message}


def _found(objects: Objects, call: Call) -> Info | None:
    return next((info for info, _ in objects.index.scan(call.bucket, *_only(call.key), 1)), None)


def _only(key: str) -> tuple[bytes, bytes]:
    return key.encode(), key.encode() + b"\0"


def _copied(call: Call, source: Info, is_same: bool) -> Attributes:
    directive = call.headers.get("x-amz-metadata-directive", "COPY")
    tagging = call.headers.get("x-amz-tagging-directive", "COPY")
    if {directive, tagging} - {"COPY", "REPLACE"}:
        raise faults.invalid_argument("Unknown metadata directive.")
    told = attributes_of(call)
    changed = {name: told.headers[name] for name in told.headers if name.startswith("x-amz-")}
    if is_same and directive == "COPY" and not changed:
        raise faults.invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself"
            " without changing the object's metadata, storage class, website redirect location or"
            " encryption attributes."
        )
    kept = source.attributes
    attributes = (
        told if directive == "REPLACE" else replace(kept, headers={**kept.headers, **changed})
    )
    return replace(
        attributes,
        tags=told.tags if tagging == "REPLACE" else kept.tags,
        checksums=kept.checksums if kept.checksum_type == "FULL_OBJECT" else {},
        checksum_type="FULL_OBJECT",
        part_sizes=(),
    )


def _kept(headers: Headers) -> dict[str, str]:
    found = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
    encodings = [one.strip() for one in found.pop("content-encoding", "").split(",")]
    if encoding := ",".join(one for one in encodings if one and one != "aws-chunked"):
        found["content-encoding"] = encoding
    if found.get("x-amz-storage-class") == "STANDARD":
        del found["x-amz-storage-class"]
    return found


def _check_metadata(metadata: Mapping[str, str]) -> None:
    if sum(len(name) + len(value) for name, value in metadata.items()) > _LARGEST_METADATA:
        raise ApiError(
            "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size"
        )
