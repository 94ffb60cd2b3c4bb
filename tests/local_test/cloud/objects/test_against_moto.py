"""The same requests to us and to moto's S3, which others wrote: the answers have to be the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_test.cloud.objects.conftest import S3, make_moto, serve

B = {"Bucket": "contract"}
A = {**B, "Key": "a"}
PAST = datetime.now(UTC) - timedelta(days=1)

Call = tuple[str, dict[str, Any]]

OBJECTS: list[Call] = [
    ("create_bucket", B),
    ("create_bucket", B),
    ("head_bucket", B),
    ("head_bucket", {"Bucket": "nowhere"}),
    ("get_bucket_location", B),
    ("list_objects_v2", B),
    ("list_objects_v2", {"Bucket": "nowhere"}),
    ("get_object", A),
    ("head_object", A),
    (
        "put_object",
        {**A, "Body": b"0123456789", "ContentType": "image/png", "Metadata": {"x": "y"}},
    ),
    ("put_object", {**A, "Bucket": "nowhere", "Body": b""}),
    ("get_object", A),
    ("head_object", A),
    ("get_object", {**A, "Range": "bytes=2-4"}),
    ("get_object", {**A, "Range": "bytes=-3"}),
    ("get_object", {**A, "Range": "bytes=20-"}),
    ("get_object", {**A, "IfMatch": '"x"'}),
    ("get_object", {**A, "IfNoneMatch": '"781e5e245d69b566979b86e28d23f2c7"'}),
    ("get_object", {**A, "IfUnmodifiedSince": PAST}),
    ("put_object", {**A, "Body": b"", "IfNoneMatch": "*"}),
    ("copy_object", {**B, "Key": "b/1", "CopySource": A}),
    ("copy_object", {**A, "CopySource": A}),
    ("copy_object", {**B, "Key": "b/2", "CopySource": {**B, "Key": "none"}}),
    ("put_object", {**B, "Key": "c d/é+", "Body": b"c", "Tagging": "k=v"}),
    ("get_object_tagging", {**B, "Key": "c d/é+"}),
    ("put_object_tagging", {**A, "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}),
    ("get_object_tagging", A),
    ("list_objects_v2", B),
    ("list_objects_v2", {**B, "Delimiter": "/"}),
    ("list_objects_v2", {**B, "Prefix": "b/"}),
    ("list_objects_v2", {**B, "MaxKeys": 1}),
    ("list_objects_v2", {**B, "StartAfter": "a"}),
    ("list_objects", {**B, "Delimiter": "/"}),
    ("list_objects", {**B, "Marker": "b/1"}),
    ("delete_bucket", B),
    ("delete_object", {**B, "Key": "none"}),
    ("delete_objects", {**B, "Delete": {"Objects": [{"Key": "a"}, {"Key": "b/1"}]}}),
    ("delete_object", {**B, "Key": "c d/é+"}),
    ("list_parts", {**A, "UploadId": "none"}),
    ("abort_multipart_upload", {**A, "UploadId": "none"}),
    ("list_multipart_uploads", B),
    ("delete_bucket", B),
    ("delete_bucket", B),
]

_OF_THE_MOMENT = {"CreationDate", "LastModified", "Location", "NextContinuationToken", "Owner"}
_NOT_TOLD_BY_MOTO = {"AccessPointAlias", "ChecksumAlgorithm", "ChecksumType", "Marker", "Prefix"}


@pytest.fixture(scope="module")
def moto_s3(s3: S3) -> Any:
    return S3(serve(make_moto()), s3.root, s3.objects, None).another_client()


def test_a_sequence_of_requests_is_answered_as_moto_answers_it(s3: S3, moto_s3: Any) -> None:
    for operation, arguments in OBJECTS:
        ours = outcome(s3.client, operation, arguments)
        assert ours == outcome(moto_s3, operation, arguments), (operation, arguments)


def outcome(client: Any, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a client sees of an answer, without what is of the moment or of one server alone."""
    try:
        answer = getattr(client, operation)(**arguments)
    except ClientError as error:
        answer = error.response
    status = answer.pop("ResponseMetadata")["HTTPStatusCode"]
    if "Body" in answer:
        answer["Body"] = answer["Body"].read()
    if "Error" in answer:
        answer = {"Code": answer["Error"]["Code"], "Message": answer["Error"].get("Message")}
    prefixes = [one["Prefix"] for one in answer.get("CommonPrefixes", [])]
    return {"status": status, "prefixes": prefixes, **_plain(answer)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        passed_over = _OF_THE_MOMENT | _NOT_TOLD_BY_MOTO
        return {name: _plain(one) for name, one in value.items() if name not in passed_over}
    return [_plain(one) for one in value] if isinstance(value, list) else value
