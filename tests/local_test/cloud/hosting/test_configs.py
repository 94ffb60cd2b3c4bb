from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_test.cloud.hosting.parts import make_config, make_model, unique, variant
from tests.local_test.cloud.servers import CloudServer

SERVERLESS = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}


@pytest.fixture(scope="module")
def model(cloud_server: CloudServer) -> str:
    return make_model(cloud_server)


def test_a_configuration_is_made_described_listed_and_deleted(
    cloud_server: CloudServer, model: str
) -> None:
    client = cloud_server.client("sagemaker")
    config = make_config(cloud_server, variant(model))
    found = client.describe_endpoint_config(EndpointConfigName=config)
    assert found["ProductionVariants"][0]["InitialVariantWeight"] == 1.0
    listed = client.list_endpoint_configs(NameContains=config)["EndpointConfigs"]
    assert [one["EndpointConfigName"] for one in listed] == [config]
    with pytest.raises(ClientError, match="Cannot create already existing endpoint config"):
        client.create_endpoint_config(
            EndpointConfigName=config, ProductionVariants=[variant(model)]
        )
    client.delete_endpoint_config(EndpointConfigName=config)
    for act in (client.delete_endpoint_config, client.describe_endpoint_config):
        with pytest.raises(ClientError, match="Could not find endpoint configuration"):
            act(EndpointConfigName=config)


def test_a_configuration_that_is_not_there_makes_no_endpoint(cloud_server: CloudServer) -> None:
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        cloud_server.client("sagemaker").create_endpoint(
            EndpointName=unique("endpoint"), EndpointConfigName="nowhere"
        )


@pytest.mark.parametrize(
    ("variants", "more", "reason"),
    [
        ([{"VariantName": "a"}], {}, "inference components"),
        ([{"ModelName": "nowhere"}], {}, "Could not find model"),
        ([{"InstanceType": None}], {}, "needs an InstanceType or a ServerlessConfig"),
        ([{}, {}], {}, "must be unique"),
        ([{"InitialVariantWeight": 0.0}], {}, "a weight above 0"),
        ([{"ServerlessConfig": SERVERLESS | {"MemorySizeInMB": 1500}}], {}, "MemorySizeInMB"),
        (
            [{"ServerlessConfig": SERVERLESS}, {"VariantName": "b"}],
            {},
            "exactly one production variant",
        ),
        ([{"RoutingConfig": {"RoutingStrategy": "KV_AWARE"}}], {}, "routing by KV_AWARE"),
        ([{"AcceleratorType": "ml.eia1.medium"}], {}, "Elastic Inference"),
        ([{}], {"ShadowProductionVariants": [{}]}, "shadow variants"),
    ],
)
def test_what_cannot_be_is_refused(
    cloud_server: CloudServer,
    model: str,
    variants: list[dict[str, Any]],
    more: dict[str, Any],
    reason: str,
) -> None:
    for field in more:
        more = more | {field: [variant(model)]}
    with pytest.raises(ClientError, match=reason):
        make_config(cloud_server, *[_variant(model, one) for one in variants], **more)


def _variant(model: str, told: dict[str, Any]) -> dict[str, Any]:
    if told == {"VariantName": "a"}:
        return told | {"InstanceType": "ml.m5.large"}
    usual = variant(model, **{k: v for k, v in told.items() if k == "ServerlessConfig"})
    return {field: value for field, value in (usual | told).items() if value is not None}
