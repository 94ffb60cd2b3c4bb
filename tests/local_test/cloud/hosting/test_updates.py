import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local_test.cloud.hosting.parts import (
    BUCKET,
    ask,
    deploy,
    describe,
    faults,
    load,
    make_config,
    make_model,
    remove,
    settled,
    until,
    variant,
)
from tests.local_test.cloud.servers import CloudServer


def test_variants_get_their_share_and_weights_change_at_once(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    one, two = make_model(cloud_server), make_model(cloud_server)
    endpoint = deploy(
        cloud_server,
        variant(one, "one", InitialVariantWeight=3),
        variant(two, "two", InitialVariantWeight=1),
    )
    told = Counter(ask(cloud_server, endpoint)["variant"] for _ in range(8))
    assert told == {"one": 6, "two": 2}
    assert ask(cloud_server, endpoint, TargetVariant="two")["model"] == two
    with pytest.raises(ClientError, match="Variant three is not part"):
        ask(cloud_server, endpoint, TargetVariant="three")
    client.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "one", "DesiredWeight": 0}],
    )
    settled(cloud_server, endpoint)
    assert {ask(cloud_server, endpoint)["variant"] for _ in range(4)} == {"two"}
    remove(cloud_server, endpoint)


def test_capacity_grows_and_shrinks_without_a_lost_request(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    endpoint = deploy(cloud_server, variant(make_model(cloud_server)))

    def scale(count: int) -> dict[str, Any]:
        client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
            ],
        )
        summary: dict[str, Any] = settled(cloud_server, endpoint)["ProductionVariants"][0]
        return summary

    with load(cloud_server, endpoint) as answers:
        assert scale(2)["CurrentInstanceCount"] == 2
        before = len(answers)
        until(lambda: len({one["pid"] for one in answers[before:]}) == 2)
        assert scale(1)["CurrentInstanceCount"] == 1
        before = len(answers)
        until(lambda: len(answers) > before + 10)
    assert faults(answers) == []
    remove(cloud_server, endpoint)


def test_an_update_loses_no_request_and_ends_the_old_servers(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    old, new = make_model(cloud_server), make_model(cloud_server)
    endpoint = deploy(cloud_server, variant(old))
    config = make_config(cloud_server, variant(new, InitialVariantWeight=2))
    with load(cloud_server, endpoint) as answers:
        until(lambda: len(answers) > 10)
        client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        assert settled(cloud_server, endpoint)["EndpointConfigName"] == config
        before = len(answers)
        until(lambda: len(answers) > before + 10)
    assert faults(answers) == []
    models = [one["model"] for one in answers]
    assert set(models) == {old, new}
    assert set(models[-5:]) == {new}
    pid = next(one["pid"] for one in answers if one["model"] == old)
    until(lambda: not os.path.exists(f"/proc/{pid}"))  # noqa: PTH110
    remove(cloud_server, endpoint)


def test_an_update_may_keep_counts_and_weights(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    model = make_model(cloud_server)
    endpoint = deploy(cloud_server, variant(model, InitialInstanceCount=2))
    config = make_config(cloud_server, variant(model, InitialVariantWeight=5))
    client.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    (summary,) = settled(cloud_server, endpoint)["ProductionVariants"]
    assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (2, 5.0)
    remove(cloud_server, endpoint)


def test_an_update_that_fails_goes_back_to_what_was(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    good = make_model(cloud_server)
    endpoint = deploy(cloud_server, variant(good))
    before = describe(cloud_server, endpoint)
    bad = make_model(cloud_server, FAKE_FAIL="It is broken.")
    config = make_config(cloud_server, variant(bad))
    with load(cloud_server, endpoint, callers=1) as answers:
        client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        found = settled(cloud_server, endpoint)
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == before["EndpointConfigName"]
    assert "It is broken." in found["FailureReason"]
    assert {one["model"] for one in answers} == {good}
    remove(cloud_server, endpoint)


def test_a_growth_that_fails_goes_back_to_the_count_that_was(cloud_server: CloudServer) -> None:
    endpoint = deploy(cloud_server, variant(model := make_model(cloud_server)))
    cloud_server.cloud.objects.delete(BUCKET, f"{model}/model.tar.gz")
    cloud_server.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}],
    )
    found = settled(cloud_server, endpoint)
    assert found["EndpointStatus"] == "InService"
    assert "Failed to download model data" in found["FailureReason"]
    assert found["ProductionVariants"][0]["DesiredInstanceCount"] == 1
    assert ask(cloud_server, endpoint)["model"] == model
    remove(cloud_server, endpoint)


def test_a_serverless_endpoint_turns_away_what_is_too_much(cloud_server: CloudServer) -> None:
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
    model = make_model(cloud_server)
    endpoint = deploy(cloud_server, variant(model, ServerlessConfig=serverless))
    once = Config(retries={"max_attempts": 0})
    runtime = cloud_server.client("sagemaker-runtime", config=once)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(ask, cloud_server, endpoint, b"sleep 1")
        codes: set[str] = set()

        def is_throttled() -> bool:
            try:
                runtime.invoke_endpoint(EndpointName=endpoint, Body=b"x")
            except ClientError as error:
                codes.add(error.response["Error"]["Code"])
            return bool(codes)

        until(is_throttled)
        assert codes == {"ThrottlingException"}
        assert busy.result()["model"] == model
    (summary,) = describe(cloud_server, endpoint)["ProductionVariants"]
    assert summary["CurrentServerlessConfig"] == serverless
    with pytest.raises(ClientError, match="length exceeded 4194304"):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=bytes((4 << 20) + 1))
    remove(cloud_server, endpoint)
