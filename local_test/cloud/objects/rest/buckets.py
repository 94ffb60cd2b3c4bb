"""ListBuckets, CreateBucket, HeadBucket, DeleteBucket, GetBucketLocation."""

from werkzeug.wrappers import Response

from local_test.cloud.errors import ApiError
from local_test.cloud.objects.info import DEFAULT_REGION, Bucket
from local_test.cloud.objects.rest import answers, faults, names
from local_test.cloud.objects.rest.call import Call
from local_test.cloud.objects.store import Objects

_MOST = 10_000


def list_buckets(objects: Objects, call: Call) -> Response:
    """GET of the service."""
    prefix = call.query.get("prefix", "")
    region = call.query.get("bucket-region")
    last = call.query.get("continuation-token", "")
    most = max(1, call.whole_number("max-buckets", _MOST, _MOST))
    found = [
        bucket
        for bucket in objects.index.buckets()
        if bucket.name.startswith(prefix)
        and bucket.name > last
        and bucket.region == (region or bucket.region)
    ]
    content = {
        "Owner": {"ID": answers.OWNER},
        "Buckets": {"Bucket": [_entry(bucket) for bucket in found[:most]]},
        "ContinuationToken": found[most - 1].name if len(found) > most else None,
        "Prefix": prefix or None,
    }
    return answers.document("ListAllMyBucketsResult", content)


def create_bucket(objects: Objects, call: Call) -> Response:
    """PUT of a bucket; once more is fine in us-east-1, as it is there."""
    names.check_bucket(call.bucket)
    if call.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
        raise faults.not_implemented("locking of objects")
    region = _wanted_region(call)
    if not objects.index.create_bucket(call.bucket, region):
        old = objects.index.buckets(call.bucket)
        if not old or region != DEFAULT_REGION or old[0].region != DEFAULT_REGION:
            raise ApiError(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own"
                " it.",
                409,
            )
    return answers.empty(200, {"Location": f"/{call.bucket}"})


def head_bucket(objects: Objects, call: Call) -> Response:
    """HEAD of a bucket."""
    headers = {
        "x-amz-bucket-region": _bucket(objects, call).region,
        "x-amz-access-point-alias": "false",
    }
    return answers.empty(200, headers)


def get_location(objects: Objects, call: Call) -> Response:
    """GET of a bucket with `location`; us-east-1 is said by nothing."""
    region = _bucket(objects, call).region
    return answers.document("LocationConstraint", "" if region == DEFAULT_REGION else region)


def delete_bucket(objects: Objects, call: Call) -> Response:
    """DELETE of a bucket that is empty."""
    objects.delete_bucket(call.bucket)
    return answers.empty(204)


def _bucket(objects: Objects, call: Call) -> Bucket:
    found = objects.index.buckets(call.bucket)
    if not found:
        raise faults.no_such_bucket()
    return found[0]


def _wanted_region(call: Call) -> str:
    is_told = call.environ.get("CONTENT_LENGTH") not in (None, "", "0")
    content = call.document("CreateBucketConfiguration") if is_told else {}
    region = content.get("LocationConstraint") or DEFAULT_REGION
    if call.region not in (DEFAULT_REGION, region):
        told = content.get("LocationConstraint") or "unspecified"
        raise ApiError(
            "IllegalLocationConstraintException",
            f"The {told} location constraint is incompatible for the region specific endpoint"
            " this request was sent to.",
        )
    return str(region)


def _entry(bucket: Bucket) -> dict[str, str]:
    return {
        "Name": bucket.name,
        "CreationDate": answers.time_text(bucket.created_s),
        "BucketRegion": bucket.region,
    }
