import errno
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import in_use
from local_test.cloud.operations import Document, Request
from local_test.cloud.protocol import Api
from local_test.cloud.settings import CloudSettings


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud.open(CloudSettings(root=tmp_path))


def answer(cloud: Cloud, handler: Any, operation: str = "DescribeEndpoint") -> tuple[int, Document]:
    api = Api(cloud, {operation: handler}, strict=True)
    body = b'{"EndpointName": "a"}'
    response = api.answer(f"SageMaker.{operation}", body, "eu-west-1")
    assert response.headers["x-amzn-RequestId"]
    return response.status, json.loads(response.body)


def test_the_handler_gets_what_was_asked_and_where(cloud: Cloud) -> None:
    seen: list[Request] = []

    def handler(_cloud: Cloud, request: Request) -> Document:
        seen.append(request)
        return {}

    assert answer(cloud, handler, "DeleteEndpoint") == (200, {})
    assert seen[0].arguments == {"EndpointName": "a"}
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/a"
    assert seen[0].arn("endpoint", "a") == arn


def test_an_answer_that_the_model_does_not_allow_fails_the_test_that_sees_it(cloud: Cloud) -> None:
    status, document = answer(cloud, lambda *_: {"EndpointName": "a"})
    assert (status, document["__type"]) == (400, "WrongAnswer")
    assert "DescribeEndpoint.EndpointArn is missing." in document["message"]


def test_an_error_that_the_operation_does_not_have_fails_the_test_that_sees_it(
    cloud: Cloud,
) -> None:
    def handler(*_: object) -> Document:
        raise in_use("There is one.")

    _, document = answer(cloud, handler)
    assert document["__type"] == "WrongAnswer"
    assert "does not know the error ResourceInUse (There is one.)" in document["message"]


def test_a_full_disk_is_told_as_such(cloud: Cloud) -> None:
    def handler(*_: object) -> Document:
        raise OSError(errno.ENOSPC, "No space left on device")

    status, document = answer(cloud, handler)
    assert (status, document["__type"]) == (500, "InternalFailure")
    assert "disk" in document["message"]
    assert "is full; make room." in document["message"]


def test_a_fault_of_our_own_is_an_internal_failure_with_its_traceback_in_the_log(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(*_: object) -> Document:
        raise KeyError("left out")

    with caplog.at_level(logging.ERROR):
        status, document = answer(cloud, handler)
    assert (status, document["__type"]) == (500, "InternalFailure")
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("body", [b"{", b'{"MaxResults": NaN}', b"\xff", b"[" * 100_000, b"3"])
def test_a_body_that_is_not_json_cannot_be_read(cloud: Cloud, body: bytes) -> None:
    response = Api(cloud, {}).answer("SageMaker.ListEndpoints", body, "us-east-1")
    assert response.status == 400
    assert json.loads(response.body)["__type"] == "SerializationException"
