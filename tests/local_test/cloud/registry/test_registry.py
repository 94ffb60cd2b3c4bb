"""Model packages and their groups, as a client sees them."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1"
INFERENCE = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://models/a/model.tar.gz"}],
    "SupportedContentTypes": ["image/jpeg"],
    "SupportedResponseMIMETypes": ["application/json"],
}


@pytest.fixture(scope="module")
def sagemaker(cloud_server: Any) -> Any:
    return cloud_server.client("sagemaker")


@pytest.fixture
def group(sagemaker: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.node.name.replace("_", "-")[5:60].strip("-")
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    yield name


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    answer = error.value.response["Error"]
    return answer["Code"], answer["Message"]


def test_a_version_waits_for_approval_until_it_is_approved(sagemaker: Any, group: str) -> None:
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=INFERENCE
    )["ModelPackageArn"]
    assert arn.endswith(f":model-package/{group}/1")
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["ModelPackageStatus"] == "Completed"
    assert package["InferenceSpecification"] == INFERENCE

    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good"
    )
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "good"
    assert package["LastModifiedTime"] > package["CreationTime"]


def test_a_deleted_version_s_number_is_not_given_again(sagemaker: Any, group: str) -> None:
    create = {"ModelPackageGroupName": group, "InferenceSpecification": INFERENCE}
    sagemaker.create_model_package(**create)
    second = sagemaker.create_model_package(**create)["ModelPackageArn"]
    sagemaker.delete_model_package(ModelPackageName=second)
    assert sagemaker.create_model_package(**create)["ModelPackageArn"].endswith("/3")
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package(ModelPackageName=second)


def test_metrics_and_metadata_are_kept_and_metadata_can_be_changed(
    sagemaker: Any, group: str
) -> None:
    source = {"ContentType": "application/json", "S3Uri": "s3://models/a/metrics.json"}
    metrics = {"ModelQuality": {"Statistics": source}}
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification=INFERENCE,
        ModelMetrics=metrics,
        CustomerMetadataProperties={"accuracy": "0.9", "job": "a"},
    )["ModelPackageArn"]
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties={"accuracy": "0.91"},
        CustomerMetadataPropertiesToRemove=["job"],
    )
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelMetrics"] == metrics
    assert package["CustomerMetadataProperties"] == {"accuracy": "0.91"}


def test_the_list_of_a_group_is_filtered_by_approval_and_sorted(sagemaker: Any, group: str) -> None:
    arns = [
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            InferenceSpecification=INFERENCE,
            ModelApprovalStatus=status,
        )["ModelPackageArn"]
        for status in ("Approved", "Rejected", "Approved")
    ]

    def listed(**arguments: str) -> list[str]:
        answer = sagemaker.list_model_packages(ModelPackageGroupName=group, **arguments)
        return [one["ModelPackageArn"] for one in answer["ModelPackageSummaryList"]]

    assert listed(ModelApprovalStatus="Approved", SortOrder="Descending") == [arns[2], arns[0]]
    assert listed() == arns


def test_without_a_group_the_unversioned_packages_are_listed(sagemaker: Any, group: str) -> None:
    sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=INFERENCE)
    sagemaker.create_model_package(
        ModelPackageName="single",
        InferenceSpecification=INFERENCE,
        Tags=[{"Key": "a", "Value": "b"}],
    )
    names = [
        one["ModelPackageName"]
        for one in sagemaker.list_model_packages()["ModelPackageSummaryList"]
    ]
    assert names == ["single"]
    both = sagemaker.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"]
    assert len(both) > 1
    with pytest.raises(ClientError) as error:
        sagemaker.create_model_package(ModelPackageName="single", InferenceSpecification=INFERENCE)
    assert refused(error)[0] == "ConflictException"


def test_a_group_with_versions_in_it_is_not_deleted(sagemaker: Any, group: str) -> None:
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=INFERENCE
    )["ModelPackageArn"]
    with pytest.raises(ClientError) as error:
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    assert refused(error)[0] == "ConflictException"
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError) as error:
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert refused(error)[0] == "ValidationException"
    assert "does not exist" in refused(error)[1]


def test_a_group_is_found_by_its_arn_and_made_once(sagemaker: Any, group: str) -> None:
    arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)[
        "ModelPackageGroupArn"
    ]
    found = sagemaker.describe_model_package_group(ModelPackageGroupName=arn)
    assert found["ModelPackageGroupName"] == group
    with pytest.raises(ClientError) as error:
        sagemaker.create_model_package_group(ModelPackageGroupName=group)
    assert refused(error) == ("ValidationException", f"Model Package Group already exists: {arn}")


def test_several_versions_are_described_at_once(sagemaker: Any, group: str) -> None:
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=INFERENCE
    )["ModelPackageArn"]
    absent = arn.removesuffix("/1") + "/2"
    answer = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, absent])
    assert answer["ModelPackageSummaries"][arn]["InferenceSpecification"] == INFERENCE
    assert set(answer["BatchDescribeModelPackageErrorMap"]) == {absent}


def test_a_token_that_comes_again_makes_no_second_version(sagemaker: Any, group: str) -> None:
    create = {
        "ModelPackageGroupName": group,
        "InferenceSpecification": INFERENCE,
        "ClientToken": "once",
    }
    first = sagemaker.create_model_package(**create)["ModelPackageArn"]
    assert sagemaker.create_model_package(**create)["ModelPackageArn"] == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Missing ARN"),
        ({"ModelPackageName": "a", "ModelPackageGroupName": "b"}, "Cannot determine which one"),
        ({"ModelPackageGroupName": "nowhere"}, "does not exist"),
        ({"ModelPackageName": "a", "CertifyForMarketplace": True}, "does not do this"),
        ({"ModelPackageName": "a"}, "needs an InferenceSpecification"),
    ],
)
def test_a_package_that_cannot_be_made_is_refused(
    sagemaker: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        sagemaker.create_model_package(**arguments)
    assert refused(error)[0] == "ValidationException"
