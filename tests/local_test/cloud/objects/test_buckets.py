import json
from dataclasses import replace

import pytest
from moto.s3.models import s3_backends

from local_test.cloud.objects.service import application
from local_test.cloud.objects.store import Objects
from local_test.cloud.settings import ACCOUNT
from tests.local_test.cloud.objects.conftest import S3, make_moto, serve
from tests.local_test.cloud.objects.test_reading_and_writing import refused


def test_a_bucket_is_made_found_listed_and_deleted(s3: S3) -> None:
    client = s3.client
    answer = client.create_bucket(Bucket="first-bucket")
    assert answer["Location"] == "/first-bucket"
    client.create_bucket(Bucket="first-bucket")
    client.get_waiter("bucket_exists").wait(Bucket="first-bucket", WaiterConfig={"Delay": 1})
    assert client.head_bucket(Bucket="first-bucket")["BucketRegion"] == "us-east-1"
    assert "first-bucket" in [one["Name"] for one in client.list_buckets()["Buckets"]]
    client.delete_bucket(Bucket="first-bucket")
    assert refused(client.head_bucket, Bucket="first-bucket") == ("404", 404)
    assert refused(client.delete_bucket, Bucket="first-bucket") == ("NoSuchBucket", 404)


def test_a_bucket_stays_in_its_region(s3: S3) -> None:
    client = s3.another_client("eu-west-1")
    place = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    client.create_bucket(Bucket="in-europe", **place)
    assert client.get_bucket_location(Bucket="in-europe")["LocationConstraint"] == "eu-west-1"
    assert refused(client.create_bucket, Bucket="in-europe", **place) == (
        "BucketAlreadyOwnedByYou",
        409,
    )
    told = refused(client.create_bucket, Bucket="elsewhere")
    assert told == ("IllegalLocationConstraintException", 400)
    client.delete_bucket(Bucket="in-europe")


def test_a_bucket_with_objects_is_not_deleted(s3: S3, bucket: str) -> None:
    assert s3.client.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    s3.client.put_object(Bucket=bucket, Key="a", Body=b"")
    assert refused(s3.client.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)


def test_the_buckets_come_in_pages(s3: S3) -> None:
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        s3.client.create_bucket(Bucket=name)
    pages = s3.client.get_paginator("list_buckets").paginate(
        Prefix="page-", PaginationConfig={"PageSize": 2}
    )
    assert [one["Name"] for page in pages for one in page["Buckets"]] == names
    for name in names:
        s3.client.delete_bucket(Bucket=name)


@pytest.mark.parametrize(
    "name", ["UPPER", "192.168.1.1", "a..b", "xn--b", "b-s3alias", "under_score"]
)
def test_a_name_that_no_bucket_may_have_is_refused(s3: S3, name: str) -> None:
    assert refused(s3.client.create_bucket, Bucket=name) == ("InvalidBucketName", 400)


def test_the_bucket_of_somebody_else_is_not_ours(s3: S3, bucket: str) -> None:
    s3.client.head_bucket(Bucket=bucket, ExpectedBucketOwner="123456789012")
    told = refused(s3.client.head_bucket, Bucket=bucket, ExpectedBucketOwner="000000000000")
    assert told == ("403", 403)


def test_configurations_are_there_after_a_restart_and_go_with_their_bucket(s3: S3) -> None:
    name = "configured"
    s3.client.create_bucket(Bucket=name)
    tags = [{"Key": "project", "Value": "ants"}]
    s3.client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    policy = {"Version": "2012-10-17", "Statement": []}
    s3.client.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    assert s3.client.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    s3.client.delete_bucket_policy(Bucket=name)

    s3_backends[ACCOUNT]["aws"].reset()
    address = serve(application(Objects(s3.root), make_moto()))
    client = replace(s3, address=address).another_client()
    assert client.get_bucket_tagging(Bucket=name)["TagSet"] == tags
    assert refused(client.get_bucket_policy, Bucket=name) == ("NoSuchBucketPolicy", 404)
    client.delete_bucket(Bucket=name)
    client.create_bucket(Bucket=name)
    assert refused(client.get_bucket_tagging, Bucket=name) == ("NoSuchTagSet", 404)
    client.delete_bucket(Bucket=name)


def test_a_configuration_that_would_not_be_kept_to_is_refused(s3: S3, bucket: str) -> None:
    on = {"Status": "Enabled"}
    told = refused(s3.client.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=on)
    assert told == ("NotImplemented", 501)
    queue = {"QueueArn": "arn:aws:sqs:us-east-1:123456789012:q", "Events": ["s3:ObjectCreated:*"]}
    told = refused(
        s3.client.put_bucket_notification_configuration,
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [queue]},
    )
    assert told == ("NotImplemented", 501)
    nothing: dict[str, object] = {}
    s3.client.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=nothing
    )
    assert "Status" not in s3.client.get_bucket_versioning(Bucket=bucket)
    assert refused(s3.client.get_bucket_policy, Bucket="nowhere") == ("NoSuchBucket", 404)
