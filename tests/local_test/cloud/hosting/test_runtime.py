import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local_test.cloud.hosting.parts import (
    BUCKET,
    PATIENCE_S,
    ask,
    deploy,
    make_model,
    put,
    remove,
    variant,
)
from tests.local_test.cloud.servers import CloudServer

CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
}


@pytest.fixture(scope="module")
def endpoint(cloud_server: CloudServer) -> Iterator[str]:
    """One endpoint that captures what it is asked."""
    put(cloud_server, "some", b"thing")
    name = deploy(cloud_server, variant(make_model(cloud_server)), DataCaptureConfig=CAPTURE)
    yield name
    remove(cloud_server, name)


def refused(server: CloudServer, endpoint: str, order: bytes, **more: Any) -> dict[str, Any]:
    client = server.client("sagemaker-runtime", config=Config(retries={"max_attempts": 0}))
    with pytest.raises(ClientError) as caught:
        client.invoke_endpoint(EndpointName=endpoint, Body=order, **more)
    response: dict[str, Any] = caught.value.response
    return response


def test_a_body_of_any_bytes_and_its_headers_reach_the_container(
    cloud_server: CloudServer, endpoint: str
) -> None:
    body = b"\xff\xd8\xff\xe0" + os.urandom(100_000)
    answer = cloud_server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint,
        Body=body,
        ContentType="image/jpeg",
        Accept="application/jsonlines",
        CustomAttributes="top_k=3",
        InferenceId="mine",
    )
    told = json.loads(answer["Body"].read())
    assert told["length"] == len(body)
    assert (told["kind"], told["accept"]) == ("image/jpeg", "application/jsonlines")
    assert answer["CustomAttributes"] == "top_k=3"
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_a_body_of_25_megabytes_is_taken_and_a_larger_one_is_not(
    cloud_server: CloudServer, endpoint: str
) -> None:
    assert ask(cloud_server, endpoint, bytes(25 << 20))["length"] == 25 << 20
    response = refused(cloud_server, endpoint, bytes((25 << 20) + 1))
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413


@pytest.mark.parametrize(("status", "kind"), [(418, "client"), (507, "server")])
def test_an_error_of_the_container_is_a_model_error(
    cloud_server: CloudServer, endpoint: str, status: int, kind: str
) -> None:
    response = refused(cloud_server, endpoint, f"status {status}".encode())
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == status
    assert json.loads(response["OriginalMessage"])["order"] == f"status {status}"
    assert f"Received {kind} error ({status}) from primary" in response["Error"]["Message"]
    assert f":log-group:/aws/sagemaker/Endpoints/{endpoint}:" in response["LogStreamArn"]


def test_an_endpoint_that_is_not_there_is_told_so(cloud_server: CloudServer) -> None:
    response = refused(cloud_server, "nowhere", b"x")
    assert response["Error"]["Code"] == "ValidationError"
    assert response["Error"]["Message"] == "Endpoint nowhere of account 123456789012 not found."


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"TargetModel": "a.tar.gz"}, "is not a multi-model endpoint"),
        ({"TargetContainerHostname": "a"}, "does not do this: containers chosen by host name"),
        ({"InferenceComponentName": "a"}, "does not do this: inference components"),
    ],
)
def test_what_the_endpoint_does_not_have_is_refused(
    cloud_server: CloudServer, endpoint: str, more: dict[str, Any], message: str
) -> None:
    response = refused(cloud_server, endpoint, b"x", **more)
    assert response["Error"]["Code"] == "ValidationError"
    assert message in response["Error"]["Message"]


def test_what_is_asked_and_answered_is_captured(cloud_server: CloudServer, endpoint: str) -> None:
    ask(cloud_server, endpoint, b"to be captured", InferenceId="find-me")
    deadline = time.monotonic() + PATIENCE_S
    while not (found := [one for one in _captured(cloud_server, endpoint) if "find-me" in one]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    record = json.loads(found[0])
    asked, told = record["captureData"]["endpointInput"], record["captureData"]["endpointOutput"]
    assert asked == {
        "observedContentType": "text/plain",
        "mode": "INPUT",
        "data": "dG8gYmUgY2FwdHVyZWQ=",
        "encoding": "BASE64",
    }
    assert (told["mode"], told["encoding"]) == ("OUTPUT", "JSON")
    assert json.loads(told["data"])["length"] == 14
    assert record["eventMetadata"]["inferenceId"] == "find-me"
    described = cloud_server.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    assert described["DataCaptureConfig"]["CaptureStatus"] == "Started"


def _captured(server: CloudServer, endpoint: str) -> list[str]:
    lines = []
    for info in server.cloud.objects.list(BUCKET, f"captured/{endpoint}/AllTraffic/"):
        with server.cloud.objects.open(BUCKET, info.key) as file:
            lines += file.read().decode().splitlines()
    return lines


def test_invocations_are_counted_in_cloudwatch(cloud_server: CloudServer, endpoint: str) -> None:
    ask(cloud_server, endpoint)
    deadline = time.monotonic() + PATIENCE_S
    while "ModelLatency" not in (names := _figures(cloud_server, endpoint)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert names >= {"Invocations", "OverheadLatency", "Invocation4XXErrors"}


def _figures(server: CloudServer, endpoint: str) -> set[str]:
    data = server.cloud.metrics.since(0)
    return {one.name for one in data if one.dimensions.get("EndpointName") == endpoint}
