"""Requests that are refused before anything runs."""

from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.errors import ApiError
from local_test.cloud.settings import CloudSettings
from local_test.cloud.training.checks import check
from tests.local_test.cloud.training.jobs import channel, request, spot


def refusal(made: dict[str, Any], **settings: Any) -> str:
    with pytest.raises(ApiError) as caught:
        check(CloudSettings(root=Path("nowhere"), slots=2, **settings), made)
    return f"{caught.value.code}: {caught.value.message}"


def test_a_request_in_order_passes() -> None:
    made = request(
        "fine",
        inputs={"training": "s3://a/b"},
        CheckpointConfig={"S3Uri": "s3://a/c", "LocalPath": "/opt/ml/saved/here"},
        VpcConfig={"Subnets": ["a"], "SecurityGroupIds": ["b"]},
        **spot(),
    )
    check(CloudSettings(root=Path("nowhere"), slots=2, spot="rate=2"), made)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ServerlessJobConfig": {}}, "ValidationException: The local endpoint does not do this"),
        ({"AlgorithmSpecification": None}, "AlgorithmSpecification is required"),
        ({"ResourceConfig": None}, "ResourceConfig is required"),
        ({"ResourceConfig": {"InstanceType": "ml.m5.large"}}, "InstanceCount of at least 1"),
        ({"ResourceConfig": {"InstanceGroups": [{}]}}, "heterogeneous clusters"),
        ({"hosts": 3}, "ResourceLimitExceeded: The account-level service limit"),
        ({"hosts": 3}, "LOCAL_CLOUD_SLOTS=3 or more"),
        ({"metrics": {"loss": "("}}, "The regular expression of the metric loss is not valid"),
        ({"HyperParameters": {str(n): "" for n in range(101)}}, "100 hyperparameters at most"),
        ({"OutputDataConfig": {"S3OutputPath": "https://a/b"}}, "is not an S3 address"),
        ({"CheckpointConfig": {"S3Uri": "s3://a", "LocalPath": "/home/me"}}, "below /opt/ml"),
        (
            {"CheckpointConfig": {"S3Uri": "s3://a", "LocalPath": "/opt/ml/../x"}},
            "below /opt/ml",
        ),
        (
            {"CheckpointConfig": {"S3Uri": "s3://a", "LocalPath": "/opt/ml/model"}},
            "a folder of its own",
        ),
        (spot(wait_s=1, run_s=2), "be greater than or equal to MaxRuntimeInSeconds"),
        ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
        (
            {"StoppingCondition": {"MaxWaitTimeInSeconds": 9}},
            "only when EnableManagedSpotTraining is true",
        ),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], message: str) -> None:
    made = {part: given for part, given in request("job", **change).items() if given is not None}
    assert message in refusal(made)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"InputMode": "Pipe"}, "the input mode Pipe"),
        ({"ShuffleConfig": {"Seed": 1}}, "ShuffleConfig"),
        ({"RecordWrapperType": "RecordIO"}, "RecordIO"),
        ({"DataSource": {"FileSystemDataSource": {}}}, "EFS, FSx"),
    ],
)
def test_channels_of_other_kinds_are_refused(more: dict[str, Any], message: str) -> None:
    made = request("job", InputDataConfig=[channel("training", "s3://a/b") | more])
    assert message in refusal(made)


def test_augmented_manifests_and_channels_of_one_name_are_refused() -> None:
    augmented = channel("a", "s3://a/b", S3DataType="AugmentedManifestFile")
    assert "the S3DataType AugmentedManifestFile" in refusal(
        request("job", InputDataConfig=[augmented])
    )
    twice = [channel("a", "s3://a/b"), channel("a", "s3://a/c")]
    assert "must differ" in refusal(request("job", InputDataConfig=twice))


def test_a_spot_schedule_that_cannot_be_read_is_said_when_it_matters() -> None:
    assert "LOCAL_CLOUD_SPOT is 'often'" in refusal(request("job", **spot()), spot="often")
    check(CloudSettings(root=Path("nowhere"), spot="often"), request("job"))
