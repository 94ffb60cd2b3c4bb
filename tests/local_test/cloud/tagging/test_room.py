from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.local_test.cloud.servers import CloudServer


@pytest.fixture
def models(cloud_server: CloudServer) -> Iterator[list[str]]:
    """ARNs of two resources."""
    arns = [f"arn:aws:sagemaker:us-east-1:123456789012:model/{name}" for name in ("one", "two")]
    for arn in arns:
        name = arn.rpartition("/")[2]
        cloud_server.cloud.store.create("model", name, {"ModelName": name, "ModelArn": arn})
    yield arns
    for arn in arns:
        cloud_server.cloud.store.delete("model", arn.rpartition("/")[2])
        cloud_server.cloud.store.untag(arn)


def test_tags_can_be_added_listed_and_deleted(cloud_server: CloudServer, models: list[str]) -> None:
    client = cloud_server.client("sagemaker")
    tags = [{"Key": f"k{number:02}", "Value": "v"} for number in range(50)]
    assert client.add_tags(ResourceArn=models[0], Tags=tags)["Tags"] == tags
    pages = client.get_paginator("list_tags").paginate(
        ResourceArn=models[0], PaginationConfig={"PageSize": 50}
    )
    assert [tag for page in pages for tag in page["Tags"]] == tags
    with pytest.raises(ClientError, match="would have 51 tags, more than the 50 allowed"):
        client.add_tags(ResourceArn=models[0], Tags=[{"Key": "more", "Value": ""}])
    client.delete_tags(ResourceArn=models[0], TagKeys=["k00", "unknown"])
    assert client.list_tags(ResourceArn=models[0])["Tags"] == tags[1:]


def test_tags_of_what_is_not_there_or_of_aws_are_refused(
    cloud_server: CloudServer, models: list[str]
) -> None:
    client = cloud_server.client("sagemaker")
    for arn in (models[0] + "x", models[0].replace("us-east-1", "eu-west-1")):
        with pytest.raises(ClientError, match="does not exist"):
            client.list_tags(ResourceArn=arn)
    with pytest.raises(ClientError, match="aws:, which is reserved"):
        client.add_tags(ResourceArn=models[0], Tags=[{"Key": "AWS:x", "Value": ""}])


def test_resources_are_found_by_their_tags(cloud_server: CloudServer, models: list[str]) -> None:
    for arn, team in zip(models, ("vision", "sound"), strict=True):
        tags = [{"Key": "team", "Value": team}]
        cloud_server.client("sagemaker").add_tags(ResourceArn=arn, Tags=tags)
    finder = cloud_server.client("resourcegroupstaggingapi")
    found = finder.get_resources(
        TagFilters=[{"Key": "team", "Values": ["vision"]}],
        ResourceTypeFilters=["sagemaker:model"],
    )["ResourceTagMappingList"]
    assert found == [{"ResourceARN": models[0], "Tags": [{"Key": "team", "Value": "vision"}]}]
    assert not finder.get_resources(ResourceTypeFilters=["sagemaker:endpoint"])[
        "ResourceTagMappingList"
    ]
