from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_test.cloud.hosting import containers
from tests.local_test.cloud.hosting.parts import BUCKET, IMAGE, ROLE, make_model, put, unique
from tests.local_test.cloud.servers import CloudServer


def create(server: CloudServer, **container: Any) -> str:
    name = unique("model")
    server.client("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE} | container
    )
    return name


def test_a_model_is_made_described_listed_and_deleted(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    name = make_model(cloud_server)
    found = client.describe_model(ModelName=name)
    assert found["PrimaryContainer"]["Mode"] == "SingleModel"
    assert found["PrimaryContainer"]["Environment"]["WHO"] == name
    assert found["ExecutionRoleArn"] == ROLE
    second = make_model(cloud_server)
    listed = [one["ModelName"] for one in client.list_models()["Models"]]
    assert listed[:2] == [second, name]
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        client.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
    client.delete_model(ModelName=name)
    for act in (client.delete_model, client.describe_model):
        with pytest.raises(ClientError, match="Could not find model"):
            act(ModelName=name)


def test_data_that_are_not_there_are_told_when_the_model_is_made(
    cloud_server: CloudServer,
) -> None:
    put(cloud_server, "some", b"thing")
    with pytest.raises(ClientError, match=f"Could not find model data at s3://{BUCKET}/none"):
        create(cloud_server, ModelDataUrl=f"s3://{BUCKET}/none.tar.gz")
    with pytest.raises(ClientError, match="Could not find model data at s3://nowhere"):
        create(cloud_server, ModelDataUrl="s3://nowhere/none.tar.gz")
    create(cloud_server, ModelDataUrl=f"s3://{BUCKET}/none/", Mode="MultiModel")


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"ModelDataUrl": "https://bucket.s3.amazonaws.com/a"}, "model data by https"),
        ({"MultiModelConfig": {"ModelCacheSetting": "Disabled"}}, "a cache setting"),
        ({"Mode": "MultiModel"}, "needs an S3 prefix"),
        ({"ModelPackageName": "package"}, "not both"),
    ],
)
def test_what_cannot_be_is_refused(
    cloud_server: CloudServer, container: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason):
        create(cloud_server, **container)


def test_a_pipeline_of_containers_is_refused_and_a_list_of_one_is_not(
    cloud_server: CloudServer,
) -> None:
    client, name = cloud_server.client("sagemaker"), unique("model")
    with pytest.raises(ClientError, match="inference pipelines; give a model one container"):
        client.create_model(ModelName=name, Containers=[{"Image": IMAGE}, {"Image": IMAGE}])
    client.create_model(ModelName=name, Containers=[{"Image": IMAGE}])
    assert client.describe_model(ModelName=name)["Containers"][0]["Image"] == IMAGE


def test_a_model_of_a_package_has_the_packages_container(cloud_server: CloudServer) -> None:
    client, name = cloud_server.client("sagemaker"), unique("package")
    data = put(cloud_server, "packaged.tar.gz", b"x")
    container = {"Image": IMAGE, "ModelDataUrl": data, "Environment": {"A": "1", "B": "1"}}
    client.create_model_package_group(ModelPackageGroupName=name)
    arn = client.create_model_package(
        ModelPackageGroupName=name,
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["image/jpeg"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    client.create_model(
        ModelName=name,
        PrimaryContainer={"ModelPackageName": arn, "Environment": {"B": "2"}},
        ExecutionRoleArn=ROLE,
    )
    model = cloud_server.cloud.store.find("model", name)
    assert model is not None
    found = containers.of_model(cloud_server.cloud, model)
    assert (found.image, found.data) == (IMAGE, data)
    assert found.environment == {"A": "1", "B": "2"}
