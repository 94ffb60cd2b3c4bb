"""Asynchronous invocations, as a client sees them: the answer is in S3 some time later."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_test.cloud.hosting.parts import (
    BUCKET,
    PATIENCE_S,
    deploy,
    make_model,
    put,
    remove,
    settled,
    variant,
)
from tests.local_test.cloud.sdk_session import sdk_session
from tests.local_test.cloud.servers import CloudServer

OUTPUT = {"S3OutputPath": f"s3://{BUCKET}/answers/", "S3FailurePath": f"s3://{BUCKET}/failures"}


@pytest.fixture(scope="module")
def endpoint(cloud_server: CloudServer) -> str:
    """One endpoint that does two things at once."""
    put(cloud_server, "orders/hello", b"hello")
    topics = {
        "SuccessTopic": "arn:aws:sns:us-east-1:123456789012:done",
        "ErrorTopic": "arn:aws:sns:us-east-1:123456789012:failed",
    }
    config = {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
        "OutputConfig": OUTPUT | {"NotificationConfig": topics},
    }
    return deploy(cloud_server, variant(make_model(cloud_server)), AsyncInferenceConfig=config)


def invoke(server: CloudServer, endpoint: str, order: bytes = b"", **more: Any) -> dict[str, Any]:
    if order:
        name = f"orders/{order.decode().replace(' ', '-')}"
        more["InputLocation"] = put(server, name, order)
    answer: dict[str, Any] = server.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=endpoint, **more
    )
    return answer


def found(server: CloudServer, address: str) -> bytes | None:
    key = address.removeprefix(f"s3://{BUCKET}/")
    if not any(one.key == key for one in server.cloud.objects.list(BUCKET, key)):
        return None
    with server.cloud.objects.open(BUCKET, key) as file:
        return file.read()


def waited_for(server: CloudServer, address: str) -> bytes:
    deadline_s = time.monotonic() + PATIENCE_S
    while (content := found(server, address)) is None:
        assert time.monotonic() < deadline_s, server.log()
        time.sleep(0.05)
    return content


def said(server: CloudServer, endpoint: str) -> list[str]:
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    return [one.message for one in server.cloud.logs.since(0) if one.group == group]


def test_the_answer_comes_to_the_output_location(cloud_server: CloudServer, endpoint: str) -> None:
    answer = invoke(
        cloud_server, endpoint, b"hello", ContentType="image/jpeg", Accept="application/json"
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    place = f"s3://{BUCKET}/answers/{answer['InferenceId']}.out"
    assert answer["OutputLocation"] == place
    assert answer["FailureLocation"] == f"s3://{BUCKET}/failures/{answer['InferenceId']}-error.out"
    told = json.loads(waited_for(cloud_server, place))
    assert (told["order"], told["kind"], told["accept"]) == (
        "hello",
        "image/jpeg",
        "application/json",
    )
    assert found(cloud_server, answer["FailureLocation"]) is None


def test_names_and_a_body_that_comes_along_are_the_caller_s(
    cloud_server: CloudServer, endpoint: str
) -> None:
    answer = invoke(
        cloud_server,
        endpoint,
        Body=b"inline",
        InferenceId="mine",
        Filename="mine.json",
        S3OutputPathExtension="some/day",
    )
    assert answer["InferenceId"] == "mine"
    assert answer["OutputLocation"] == f"s3://{BUCKET}/answers/some/day/mine.json"
    assert json.loads(waited_for(cloud_server, answer["OutputLocation"]))["order"] == "inline"


def test_a_refused_request_comes_to_the_failure_location(
    cloud_server: CloudServer, endpoint: str
) -> None:
    answer = invoke(cloud_server, endpoint, b"status 418")
    reason = waited_for(cloud_server, answer["FailureLocation"])
    assert b"Received client error (418) from primary" in reason
    assert found(cloud_server, answer["OutputLocation"]) is None
    absent = invoke(cloud_server, endpoint, InputLocation=f"s3://{BUCKET}/orders/none")
    assert b"it is not there" in waited_for(cloud_server, absent["FailureLocation"])
    notes = [line for line in said(cloud_server, endpoint) if "notification" in line]
    assert any(line.endswith(":failed.") for line in notes)


def test_a_container_that_takes_too_long_is_a_failure(
    cloud_server: CloudServer, endpoint: str
) -> None:
    answer = invoke(cloud_server, endpoint, b"sleep 30", InvocationTimeoutSeconds=1)
    assert b"timed out" in waited_for(cloud_server, answer["FailureLocation"])


def test_what_waits_is_answered_after_the_cloud_was_killed(
    cloud_server: CloudServer, endpoint: str
) -> None:
    answers = [invoke(cloud_server, endpoint, b"sleep 0.6%d" % number) for number in range(4)]
    cloud_server.kill()
    assert any(found(cloud_server, answer["OutputLocation"]) is None for answer in answers)
    cloud_server.start()
    for number, answer in enumerate(answers):
        told = json.loads(waited_for(cloud_server, answer["OutputLocation"]))
        assert told["order"] == f"sleep 0.6{number}"


def test_what_waits_is_answered_after_the_cloud_was_stopped_in_order(
    cloud_server: CloudServer, endpoint: str
) -> None:
    answers = [invoke(cloud_server, endpoint, b"sleep 0.7%d" % number) for number in range(4)]
    cloud_server.restart()
    settled(cloud_server, endpoint)
    for answer in answers:
        assert waited_for(cloud_server, answer["OutputLocation"])
        assert found(cloud_server, answer["FailureLocation"]) is None


def test_the_sdk_s_asynchronous_predictor_gets_its_answer_and_its_failure(
    cloud_server: CloudServer, endpoint: str, tmp_path: Path
) -> None:
    with sdk_session(cloud_server, tmp_path, BUCKET) as session:
        from sagemaker.base_predictor import Predictor  # noqa: PLC0415  (dear, only here)
        from sagemaker.exceptions import AsyncInferenceModelError  # noqa: PLC0415
        from sagemaker.predictor_async import AsyncPredictor  # noqa: PLC0415

        predictor = AsyncPredictor(Predictor(endpoint, session), name=endpoint)
        answered: Any = predictor.predict_async(b"sdk")
        waited_for(cloud_server, answered.output_path)
        assert json.loads(answered.get_result())["order"] == "sdk"
        refused: Any = predictor.predict_async(b"status 418")
        waited_for(cloud_server, refused.failure_path)
        with pytest.raises(AsyncInferenceModelError, match="client error"):
            refused.get_result()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "either InputLocation or Body"),
        ({"Body": b"x" * 128_001}, "at most 128000 bytes"),
        ({"Body": b"x", "InferenceId": "x" * 65}, "inference-id"),
        ({"Body": b"x", "Filename": "a/b"}, "filename"),
        ({"Body": b"x", "InvocationTimeoutSeconds": 4000}, "from 1 to 3600"),
        ({"InputLocation": "https://somewhere/else"}, "is not an S3 address"),
    ],
)
def test_a_request_that_breaks_a_limit_is_refused(
    cloud_server: CloudServer, endpoint: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        invoke(cloud_server, endpoint, **more)
    assert error.value.response["Error"]["Code"] == "ValidationError"


def test_each_kind_of_endpoint_refuses_the_other_kind_of_request(
    cloud_server: CloudServer, endpoint: str
) -> None:
    runtime = cloud_server.client("sagemaker-runtime")
    with pytest.raises(ClientError, match="InvokeEndpointAsync only"):
        runtime.invoke_endpoint(EndpointName=endpoint, Body=b"hello")
    plain = deploy(cloud_server, variant(make_model(cloud_server)))
    with pytest.raises(ClientError, match="InvokeEndpoint only"):
        invoke(cloud_server, plain, b"hello")
    remove(cloud_server, plain)
