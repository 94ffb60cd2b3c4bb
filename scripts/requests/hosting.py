"""What is sent to SageMaker to host a model: requests as plain values, made without AWS.

One deployment is a model, an endpoint configuration and an endpoint. The keys and values are those
of CreateModel, CreateEndpointConfig, CreateEndpoint and UpdateEndpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Request = dict[str, Any]
Kind = Literal["realtime", "serverless", "async", "multi-model"]

KINDS: tuple[Kind, ...] = get_args(Kind)
VARIANT = "AllTraffic"
"""The one variant of an endpoint; the SDK calls it so."""


@dataclass(frozen=True)
class Deployment:
    """One endpoint as it shall be.

    Attributes:
        endpoint: its name.
        model: name of the SageMaker model behind it, new with each deployment.
        config: name of the endpoint configuration.
        model_data: address of model.tar.gz; of the folder of them for `multi-model`.
        memory_mb: of a serverless endpoint, as is `max_concurrency`.
        capture_to: where requests and answers are copied to, `capture_percent` of them.
        async_to: where an asynchronous endpoint puts its answers.
        startup_timeout_s: how long a container may take until it is ready.
        tags: of all three resources.
    """

    endpoint: str
    model: str
    config: str
    kind: Kind
    image: str
    role: str
    model_data: str
    instance_type: str
    count: int = 1
    memory_mb: int = 4096
    max_concurrency: int = 5
    capture_to: str = ""
    capture_percent: int = 100
    async_to: str = ""
    startup_timeout_s: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def tag_list(tags: Mapping[str, str]) -> list[Request]:
    """Tags as all of SageMaker's requests have them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def create_model(wanted: Deployment) -> Request:
    """The request of CreateModel."""
    container: Request = {
        "Image": wanted.image,
        "Environment": dict(wanted.environment),
        "ModelDataUrl": wanted.model_data,
    }
    if wanted.kind == "multi-model":
        container["Mode"] = "MultiModel"
    return {
        "ModelName": wanted.model,
        "ExecutionRoleArn": wanted.role,
        "PrimaryContainer": container,
        "Tags": tag_list(wanted.tags),
    }


def create_endpoint_config(wanted: Deployment) -> Request:
    """The request of CreateEndpointConfig."""
    request: Request = {
        "EndpointConfigName": wanted.config,
        "ProductionVariants": [_variant(wanted)],
        "Tags": tag_list(wanted.tags),
    }
    if wanted.capture_to:
        request["DataCaptureConfig"] = data_capture(wanted)
    if wanted.kind == "async":
        request["AsyncInferenceConfig"] = asynchronous(wanted)
    return request


def create_endpoint(wanted: Deployment) -> Request:
    """The request of CreateEndpoint."""
    return {
        "EndpointName": wanted.endpoint,
        "EndpointConfigName": wanted.config,
        "Tags": tag_list(wanted.tags),
    }


def update_endpoint(wanted: Deployment) -> Request:
    """The request of UpdateEndpoint, which puts the new configuration in place of the old."""
    return {"EndpointName": wanted.endpoint, "EndpointConfigName": wanted.config}


def all_requests(wanted: Deployment, *, update: bool) -> Sequence[tuple[str, Request]]:
    """What is sent, in this order, each with the name of its operation."""
    last = (
        ("UpdateEndpoint", update_endpoint(wanted))
        if update
        else ("CreateEndpoint", create_endpoint(wanted))
    )
    return [
        ("CreateModel", create_model(wanted)),
        ("CreateEndpointConfig", create_endpoint_config(wanted)),
        last,
    ]


def copy_model(wanted: Deployment, source: str, target: str) -> Request:
    """The request of S3's CopyObject that puts an archive into a multi-model endpoint's folder."""
    bucket, _, prefix = wanted.model_data.removeprefix("s3://").partition("/")
    return {
        "Bucket": bucket,
        "Key": prefix + target,
        "CopySource": source.removeprefix("s3://"),
    }


def data_capture(wanted: Deployment) -> Request:
    """Requests and answers into `capture_to`: JSON and CSV as text, pictures in base64."""
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": wanted.capture_percent,
        "DestinationS3Uri": wanted.capture_to,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
    }


def asynchronous(wanted: Deployment) -> Request:
    """Answers and faults of an asynchronous endpoint, each in a folder of its own."""
    return {
        "OutputConfig": {
            "S3OutputPath": f"{wanted.async_to}/answers",
            "S3FailurePath": f"{wanted.async_to}/faults",
        }
    }


def _variant(wanted: Deployment) -> Request:
    variant: Request = {
        "VariantName": VARIANT,
        "ModelName": wanted.model,
        "InitialVariantWeight": 1,
    }
    if wanted.kind == "serverless":
        variant["ServerlessConfig"] = {
            "MemorySizeInMB": wanted.memory_mb,
            "MaxConcurrency": wanted.max_concurrency,
        }
        return variant
    variant |= {
        "InitialInstanceCount": wanted.count,
        "InstanceType": wanted.instance_type,
    }
    if wanted.startup_timeout_s is not None:
        variant["ContainerStartupHealthCheckTimeoutInSeconds"] = wanted.startup_timeout_s
    return variant


def model_arguments(wanted: Deployment) -> Request:
    """Arguments of the SDK's `Model`, or its `MultiDataModel`, without the session."""
    shared = {
        "image_uri": wanted.image,
        "role": wanted.role,
        "name": wanted.model,
        "env": dict(wanted.environment),
    }
    if wanted.kind == "multi-model":
        return {**shared, "model_data_prefix": wanted.model_data}
    return {**shared, "model_data": wanted.model_data}


def deploy_arguments(wanted: Deployment) -> Request:
    """Arguments of the SDK's `deploy` as far as they are plain values."""
    shared: Request = {
        "endpoint_name": wanted.endpoint,
        "tags": tag_list(wanted.tags),
        "wait": False,
    }
    if wanted.kind == "serverless":
        return shared
    shared |= {"initial_instance_count": wanted.count, "instance_type": wanted.instance_type}
    if wanted.kind != "multi-model":
        shared["container_startup_health_check_timeout"] = wanted.startup_timeout_s
    return shared
