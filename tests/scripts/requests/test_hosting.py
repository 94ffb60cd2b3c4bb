from dataclasses import replace

import pytest

from scripts.requests import hosting
from scripts.requests.hosting import KINDS, Deployment, Kind
from tests.scripts.requests_of import faults

WANTED = Deployment(
    endpoint="flowers",
    model="flowers-model-20261121-140509-123",
    config="flowers",
    kind="realtime",
    image="123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:latest",
    role="arn:aws:iam::123456789012:role/imageclf-sagemaker",
    model_data="s3://bucket/imageclf/job/output/model.tar.gz",
    instance_type="ml.m5.xlarge",
    count=2,
    async_to="s3://bucket/imageclf/async/flowers",
    startup_timeout_s=600,
    environment={"IMAGECLF_TOP_K": "3"},
    tags={"imageclf:project": "imageclf"},
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("capture_to", ["", "s3://bucket/imageclf/captured/flowers"])
@pytest.mark.parametrize("update", [False, True])
def test_aws_takes_the_requests_of_every_kind(kind: Kind, capture_to: str, update: bool) -> None:
    wanted = replace(WANTED, kind=kind, capture_to=capture_to)
    for operation, request in hosting.all_requests(wanted, update=update):
        assert faults(operation, request) == []


def test_the_three_requests_name_each_other() -> None:
    (_, model), (_, config), (_, endpoint) = hosting.all_requests(WANTED, update=False)
    assert config["ProductionVariants"][0]["ModelName"] == model["ModelName"]
    assert endpoint["EndpointConfigName"] == config["EndpointConfigName"]


def test_everything_has_the_tags() -> None:
    for _, request in hosting.all_requests(WANTED, update=False):
        assert request["Tags"] == [{"Key": "imageclf:project", "Value": "imageclf"}]


def test_a_serverless_endpoint_has_no_instances() -> None:
    (variant,) = hosting.create_endpoint_config(replace(WANTED, kind="serverless"))[
        "ProductionVariants"
    ]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 4096, "MaxConcurrency": 5}
    assert "InstanceType" not in variant


def test_only_a_multi_model_endpoint_has_the_mode() -> None:
    many = replace(WANTED, kind="multi-model", model_data="s3://bucket/imageclf/many/")
    assert hosting.create_model(many)["PrimaryContainer"]["Mode"] == "MultiModel"
    assert "Mode" not in hosting.create_model(WANTED)["PrimaryContainer"]


def test_an_update_changes_the_configuration_of_the_endpoint() -> None:
    assert hosting.all_requests(WANTED, update=True)[-1] == (
        "UpdateEndpoint",
        {"EndpointName": "flowers", "EndpointConfigName": "flowers"},
    )
