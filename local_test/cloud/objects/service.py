"""S3's REST protocol as a WSGI application: which function answers which request.

Objects, buckets, lists and uploads are ours; configurations of buckets go on to the application
that was handed in. Signatures are not checked, the expiry of presigned addresses is.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Response

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.info import BucketNotEmptyError, NoSuchBucketError, NoSuchKeyError
from local_test.cloud.objects.rest import (
    answers,
    buckets,
    faults,
    listings,
    multipart,
    reading,
    tags,
    upload_lists,
    writing,
)
from local_test.cloud.objects.rest.call import Call
from local_test.cloud.objects.rest.mirror import Mirror
from local_test.cloud.objects.store import Objects
from local_test.cloud.objects.uploads import NoSuchUploadError

Handler = Callable[[Objects, Call], Response]

_OF_SERVICE: Mapping[str, Handler] = {"GET": buckets.list_buckets}
_OF_BUCKET: Mapping[tuple[str, str], Handler] = {
    ("PUT", ""): buckets.create_bucket,
    ("HEAD", ""): buckets.head_bucket,
    ("DELETE", ""): buckets.delete_bucket,
    ("GET", ""): listings.list_objects,
    ("GET", "list-type"): listings.list_objects_v2,
    ("GET", "versions"): listings.list_versions,
    ("GET", "location"): buckets.get_location,
    ("GET", "uploads"): upload_lists.list_uploads,
    ("POST", "delete"): writing.delete_objects,
}
_OF_OBJECT: Mapping[tuple[str, str], Handler] = {
    ("PUT", ""): writing.put_object,
    ("PUT", "copy"): writing.copy_object,
    ("GET", ""): reading.get_object,
    ("HEAD", ""): reading.head_object,
    ("DELETE", ""): writing.delete_object,
    ("GET", "attributes"): reading.get_attributes,
    ("GET", "tagging"): tags.get_tagging,
    ("PUT", "tagging"): tags.put_tagging,
    ("DELETE", "tagging"): tags.delete_tagging,
    ("POST", "uploads"): multipart.create_upload,
    ("PUT", "uploadId"): multipart.upload_part,
    ("PUT", "uploadId copy"): multipart.upload_part_copy,
    ("POST", "uploadId"): multipart.complete_upload,
    ("DELETE", "uploadId"): multipart.abort_upload,
    ("GET", "uploadId"): upload_lists.list_parts,
}
_CONFIGURATIONS = frozenset(
    [
        "abac",
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "logging",
        "metadataConfiguration",
        "metadataTable",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "session",
        "tagging",
        "versioning",
        "website",
    ]
)
_NOT_DONE = frozenset(
    [
        "acl",
        "annotation",
        "encryption",
        "legal-hold",
        "renameObject",
        "restore",
        "retention",
        "select",
        "torrent",
    ]
)


def application(objects: Objects, forward: WSGIApplication) -> WSGIApplication:
    """S3 over `objects`; `forward` answers about the configurations of buckets."""
    mirror = Mirror(objects.index, forward)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = _answer(objects, mirror, environ)
        response.headers.setdefault("x-amz-request-id", answers.new_request_id())
        response.headers.setdefault("x-amz-id-2", "local")
        return response(environ, start_response)

    return answer


def _answer(objects: Objects, mirror: Mirror, environ: WSGIEnvironment) -> Response:
    call = None
    try:
        call = Call(environ)
        call.check()
        return _dispatched(objects, mirror, call)
    except (ApiError, OSError, sqlite3.Error) as error:
        return answers.error(_told(error), call)
    except (NoSuchBucketError, NoSuchKeyError, NoSuchUploadError, BucketNotEmptyError) as error:
        return answers.error(_missed(error), call)


def _dispatched(objects: Objects, mirror: Mirror, call: Call) -> Response:
    if not call.bucket:
        return _handler(_OF_SERVICE.get(call.method))(objects, call)
    if call.key:
        return _handler(_OF_OBJECT.get((call.method, _sub_of_object(call))))(objects, call)
    if call.query.keys() & _CONFIGURATIONS:
        return mirror.answer(call)
    response = _handler(_OF_BUCKET.get((call.method, _sub_of_bucket(call))))(objects, call)
    if call.method == "DELETE":
        mirror.forget(call.bucket)
    return response


def _handler(found: Handler | None) -> Handler:
    if found is None:
        raise faults.method_not_allowed()
    return found


def _sub_of_bucket(call: Call) -> str:
    known = (name for _, name in _OF_BUCKET if name and name in call.query)
    return next(known, "")


def _sub_of_object(call: Call) -> str:
    if not_done := call.query.keys() & _NOT_DONE:
        raise faults.not_implemented(f"the sub-resource {min(not_done)} of objects")
    is_copy = call.method == "PUT" and "x-amz-copy-source" in call.headers
    known = (name for _, name in _OF_OBJECT if name and name in call.query)
    names = [next(known, ""), "copy" if is_copy else ""]
    return " ".join(name for name in names if name)


def _told(error: ApiError | OSError | sqlite3.Error) -> ApiError:
    if isinstance(error, ApiError):
        return error
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ApiError(
        "InternalError",
        f"We encountered an internal error. Please try again. The disk says: {reason}.",
        500,
    )


def _missed(error: Exception) -> ApiError:
    if isinstance(error, NoSuchBucketError):
        return faults.no_such_bucket()
    if isinstance(error, NoSuchKeyError):
        return faults.no_such_key()
    if isinstance(error, NoSuchUploadError):
        return faults.no_such_upload()
    return ApiError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
