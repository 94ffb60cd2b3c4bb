from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from imageclf.errors import LaunchError
from scripts import aws as aws_module
from scripts import removal
from scripts.aws import Aws
from scripts.found import CONFIG, ENDPOINT, GROUP, MODEL, TRAINING, TUNING, Kind, Resource
from scripts.sections import Settings

DESCRIBED = {
    "EndpointName": "flowers",
    "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/flowers",
    "CreationTime": 0,
    "LastModifiedTime": 0,
}


def resource(kind: Kind, name: str, status: str = "") -> Resource:
    return Resource(
        kind, name, f"arn:aws:sagemaker:us-east-1:123456789012:{kind.part}/{name}", status
    )


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(aws_module, "AWS_POLL_S", 0.01)
    return Aws(Settings(region="us-east-1"), {})


@pytest.fixture
def sagemaker(aws: Aws) -> Iterator[Stubber]:
    """What SageMaker answers, in the order in which it is asked."""
    with Stubber(aws.client("sagemaker")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_what_stands_on_something_is_removed_before_it() -> None:
    there = [
        resource(GROUP, "g"),
        resource(MODEL, "m"),
        resource(CONFIG, "c"),
        resource(ENDPOINT, "e"),
        resource(TRAINING, "t", "InProgress"),
        resource(TUNING, "s", "InProgress"),
    ]
    assert [operation for operation, _ in removal.requests(there)] == [
        "StopHyperParameterTuningJob",
        "StopTrainingJob",
        "DeleteEndpoint",
        "DeleteEndpointConfig",
        "DeleteModel",
        "DeleteModelPackageGroup",
    ]


def test_an_endpoint_that_is_being_made_is_deleted_when_aws_lets_go_of_it(
    aws: Aws, sagemaker: Stubber
) -> None:
    sagemaker.add_client_error("delete_endpoint", "ValidationException", "in-progress endpoint")
    for status in ("Creating", "Creating"):
        sagemaker.add_response("describe_endpoint", {**DESCRIBED, "EndpointStatus": status})
    sagemaker.add_response("delete_endpoint", {})
    sagemaker.add_response("describe_endpoint", {**DESCRIBED, "EndpointStatus": "Deleting"})
    sagemaker.add_client_error("describe_endpoint", "ValidationException", "Could not find it")
    said: list[str] = []
    removal.remove(aws, [resource(ENDPOINT, "flowers", "Creating")], said.append)
    assert said == ["deleted  endpoint flowers"]


def test_what_is_gone_meanwhile_is_no_fault(aws: Aws, sagemaker: Stubber) -> None:
    sagemaker.add_client_error("delete_model", "ValidationException", "Could not find model")
    removal.remove(aws, [resource(MODEL, "m")], lambda _line: None)


def test_a_refusal_is_not_swallowed(aws: Aws, sagemaker: Stubber) -> None:
    sagemaker.add_client_error("delete_model", "AccessDeniedException", "no permission")
    with pytest.raises(aws.client("sagemaker").exceptions.ClientError, match="no permission"):
        removal.remove(aws, [resource(MODEL, "m")], lambda _line: None)


def test_a_thing_that_stays_is_told_in_the_end(
    aws: Aws, sagemaker: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "PATIENCE_S", 0.0)
    sagemaker.add_response("delete_endpoint", {})
    sagemaker.add_response("describe_endpoint", {**DESCRIBED, "EndpointStatus": "Deleting"})
    with pytest.raises(LaunchError, match="flowers is still there"):
        removal.remove(aws, [resource(ENDPOINT, "flowers")], lambda _line: None)


def test_only_objects_below_the_prefix_are_deleted(aws: Aws) -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="bucket")
        for key in ("imageclf/a", "imageclf/b/c", "imageclf-other/d"):
            s3.put_object(Bucket="bucket", Key=key, Body=b"x")
        assert removal.delete_objects(aws, "s3://bucket/imageclf/") == 2
        left = s3.list_objects_v2(Bucket="bucket")["Contents"]
    assert [one["Key"] for one in left] == ["imageclf-other/d"]
