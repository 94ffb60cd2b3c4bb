import os
import signal

import pytest
from botocore.exceptions import ClientError

from tests.local_test.cloud.hosting.parts import (
    archive,
    ask,
    begin,
    deploy,
    describe,
    is_running,
    make_config,
    make_model,
    put,
    remove,
    settled,
    unique,
    until,
    variant,
)
from tests.local_test.cloud.servers import CloudServer


def test_an_endpoint_is_made_described_listed_and_deleted(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    model = make_model(cloud_server)
    config = make_config(cloud_server, variant(model))
    endpoint = unique("endpoint")
    client.create_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config,
        Tags=[{"Key": "who", "Value": "us"}],
    )
    pending = describe(cloud_server, endpoint)
    assert pending["EndpointStatus"] == "Creating"
    assert pending["PendingDeploymentSummary"]["EndpointConfigName"] == config
    client.get_waiter("endpoint_in_service").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    found = describe(cloud_server, endpoint)
    (summary,) = found["ProductionVariants"]
    assert (summary["CurrentInstanceCount"], summary["CurrentWeight"]) == (1, 1.0)
    assert summary["DeployedImages"][0]["SpecifiedImage"].endswith("imageclf:1")
    assert "PendingDeploymentSummary" not in found
    assert ask(cloud_server, endpoint)["model"] == model
    listed = client.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]
    assert [one["EndpointName"] for one in listed] == [endpoint]
    assert cloud_server.cloud.store.tags(found["EndpointArn"]) == {"who": "us"}
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    pid = ask(cloud_server, endpoint)["pid"]
    remove(cloud_server, endpoint)
    assert not is_running(pid)
    assert not cloud_server.cloud.store.folder("endpoint", endpoint).exists()
    with pytest.raises(ClientError, match="Could not find endpoint"):
        describe(cloud_server, endpoint)


def test_model_and_configuration_may_go_while_the_endpoint_stays(
    cloud_server: CloudServer,
) -> None:
    client = cloud_server.client("sagemaker")
    model = make_model(cloud_server)
    config = make_config(cloud_server, variant(model))
    endpoint = begin(cloud_server, config)
    client.delete_model(ModelName=model)
    client.delete_endpoint_config(EndpointConfigName=config)
    assert settled(cloud_server, endpoint)["EndpointStatus"] == "InService"
    assert ask(cloud_server, endpoint)["model"] == model
    remove(cloud_server, endpoint)


def test_a_container_that_ends_fails_the_endpoint_with_its_last_words(
    cloud_server: CloudServer,
) -> None:
    model = make_model(cloud_server, FAKE_FAIL="The weights do not fit.")
    endpoint = begin(cloud_server, make_config(cloud_server, variant(model)))
    found = settled(cloud_server, endpoint)
    assert found["EndpointStatus"] == "Failed"
    assert "production variant AllTraffic did not pass the ping" in found["FailureReason"]
    assert found["FailureReason"].endswith("error: The weights do not fit.")
    messages = [one.message for one in cloud_server.cloud.logs.since(0) if endpoint in one.group]
    assert messages == ["It begins.", "error: The weights do not fit."]
    with pytest.raises(ClientError, match="not in service but Failed"):
        ask(cloud_server, endpoint)
    with pytest.raises(ClientError, match="has failed; delete it"):
        cloud_server.client("sagemaker").update_endpoint(
            EndpointName=endpoint, EndpointConfigName=found["EndpointConfigName"]
        )
    remove(cloud_server, endpoint)


@pytest.mark.parametrize("name", ["../../outside", "/outside"])
def test_an_archive_that_leads_outside_fails_the_endpoint(
    cloud_server: CloudServer, name: str
) -> None:
    data = put(cloud_server, unique("hostile"), archive({name: b"x"}))
    model = make_model(cloud_server, data)
    endpoint = begin(cloud_server, make_config(cloud_server, variant(model)))
    found = settled(cloud_server, endpoint)
    assert found["EndpointStatus"] == "Failed"
    assert f"{data} is not safe to unpack: '{name}' leads out" in found["FailureReason"]
    remove(cloud_server, endpoint)


def test_an_image_that_cannot_run_here_fails_the_endpoint(cloud_server: CloudServer) -> None:
    client, name = cloud_server.client("sagemaker"), unique("model")
    client.create_model(ModelName=name, PrimaryContainer={"Image": "xgboost:1"})
    endpoint = begin(cloud_server, make_config(cloud_server, variant(name)))
    assert (
        "xgboost:1 cannot be run as a process" in settled(cloud_server, endpoint)["FailureReason"]
    )
    remove(cloud_server, endpoint)


def test_while_something_goes_on_nothing_else_may_begin(cloud_server: CloudServer) -> None:
    client = cloud_server.client("sagemaker")
    model = make_model(cloud_server, FAKE_READY_FILE="/never")
    config = make_config(cloud_server, variant(model))
    endpoint = begin(cloud_server, config)
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        client.delete_endpoint(EndpointName=endpoint)
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    with pytest.raises(ClientError, match="is not in service but Creating"):
        ask(cloud_server, endpoint)
    until(lambda: cloud_server.cloud.store.find("endpoint", endpoint)["_servers"])  # type: ignore[index]
    (known,) = cloud_server.cloud.store.find("endpoint", endpoint)["_servers"]  # type: ignore[index]
    os.kill(known["handle"]["pid"], signal.SIGKILL)
    assert settled(cloud_server, endpoint)["EndpointStatus"] == "Failed"
    remove(cloud_server, endpoint)


def test_too_many_instances_are_refused_as_a_limit(cloud_server: CloudServer) -> None:
    config = make_config(cloud_server, variant(make_model(cloud_server), InitialInstanceCount=1000))
    with pytest.raises(ClientError, match=r"ml\.m5\.large for endpoint usage") as refused:
        begin(cloud_server, config)
    assert refused.value.response["Error"]["Code"] == "ResourceLimitExceeded"


def test_a_server_that_dies_is_replaced(cloud_server: CloudServer) -> None:
    endpoint = deploy(cloud_server, variant(make_model(cloud_server)))
    with pytest.raises(ClientError) as died:
        ask(cloud_server, endpoint, b"die")
    assert died.value.response["Error"]["Code"] == "ModelError"
    assert "broke off" in died.value.response["OriginalMessage"]
    answers = [ask(cloud_server, endpoint) for _ in range(3)]
    assert len({one["pid"] for one in answers}) == 1
    assert describe(cloud_server, endpoint)["EndpointStatus"] == "InService"
    remove(cloud_server, endpoint)
