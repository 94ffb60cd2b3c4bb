"""The SDK sends just the requests that a dry run prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from scripts import sdk_hosting
from scripts.aws import Aws
from scripts.requests import hosting, transforming
from scripts.requests.hosting import KINDS, Kind
from tests.scripts.requests.test_hosting import WANTED
from tests.scripts.requests.test_transforming import WANTED as BATCH

ARN = "arn:aws:sagemaker:us-east-1:123456789012:thing/name"
ANSWERS = {
    "CreateModel": ("create_model", "ModelArn"),
    "CreateEndpointConfig": ("create_endpoint_config", "EndpointConfigArn"),
    "CreateEndpoint": ("create_endpoint", "EndpointArn"),
    "UpdateEndpoint": ("update_endpoint", "EndpointArn"),
    "CreateTransformJob": ("create_transform_job", "TransformJobArn"),
}


@contextmanager
def expecting(aws: Aws, requests: list[tuple[str, dict[str, Any]]]) -> Iterator[None]:
    """Nothing but these requests, in this order, with just these values."""
    with Stubber(aws.client("sagemaker")) as sagemaker:
        for operation, request in requests:
            method, arn = ANSWERS[operation]
            sagemaker.add_response(method, {arn: ARN}, request)
        yield
        sagemaker.assert_no_pending_responses()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("captured", [False, True])
def test_deploying_sends_what_a_dry_run_prints(aws: Aws, kind: Kind, captured: bool) -> None:
    if kind == "multi-model":
        wanted = replace(WANTED, kind=kind, model_data="s3://bucket/many/", startup_timeout_s=None)
    else:
        wanted = replace(WANTED, kind=kind)
    if captured and kind != "serverless":
        wanted = replace(wanted, capture_to="s3://bucket/captured")
    with expecting(aws, list(hosting.all_requests(wanted, update=False))):
        sdk_hosting.make(aws, wanted)


def test_updating_sends_what_a_dry_run_prints(aws: Aws) -> None:
    wanted = replace(WANTED, config="flowers-config-2")
    with expecting(aws, list(hosting.all_requests(wanted, update=True))):
        sdk_hosting.update(aws, wanted)


def test_a_batch_sends_what_a_dry_run_prints(aws: Aws) -> None:
    with expecting(aws, transforming.all_requests(BATCH)):
        sdk_hosting.start_transform(aws, BATCH)
