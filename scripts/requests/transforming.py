"""What is sent to SageMaker to classify many pictures at once: a model and a transform job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.requests.hosting import tag_list
from scripts.requests.invoking import ANY_PICTURE, JSON

Request = dict[str, Any]

MAX_PAYLOAD_MB = 25
"""The largest picture; what the container takes."""

_ALL_PAYLOADS_MB = 100
"""Most that MaxConcurrentTransforms * MaxPayloadInMB may be."""


@dataclass(frozen=True)
class Batch:
    """One batch transform.

    Attributes:
        job: its name, and that of the model it runs.
        input_uri: the folder of pictures in S3, with a slash at its end.
        output_uri: where `<picture>.out` goes.
        parallel: requests at once to each instance.
    """

    job: str
    image: str
    role: str
    model_data: str
    input_uri: str
    output_uri: str
    instance_type: str
    count: int = 1
    parallel: int = 4
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def max_payload_mb(self) -> int:
        """Of one request."""
        return min(MAX_PAYLOAD_MB, _ALL_PAYLOADS_MB // self.parallel)


def create_model(wanted: Batch) -> Request:
    """The request of CreateModel."""
    return {
        "ModelName": wanted.job,
        "ExecutionRoleArn": wanted.role,
        "PrimaryContainer": {
            "Image": wanted.image,
            "Environment": dict(wanted.environment),
            "ModelDataUrl": wanted.model_data,
        },
        "Tags": tag_list(wanted.tags),
    }


def create_transform_job(wanted: Batch) -> Request:
    """The request of CreateTransformJob: each object is one picture, and one request."""
    return {
        "TransformJobName": wanted.job,
        "ModelName": wanted.job,
        "MaxConcurrentTransforms": wanted.parallel,
        "MaxPayloadInMB": wanted.max_payload_mb,
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": wanted.input_uri},
            },
            "ContentType": ANY_PICTURE,
        },
        "TransformOutput": {"S3OutputPath": wanted.output_uri, "Accept": JSON},
        "TransformResources": {
            "InstanceCount": wanted.count,
            "InstanceType": wanted.instance_type,
        },
        "Tags": tag_list(wanted.tags),
    }


def all_requests(wanted: Batch) -> list[tuple[str, Request]]:
    """What is sent, in this order, each with the name of its operation."""
    return [
        ("CreateModel", create_model(wanted)),
        ("CreateTransformJob", create_transform_job(wanted)),
    ]


def model_arguments(wanted: Batch) -> Request:
    """Arguments of the SDK's `Model`, without the session."""
    return {
        "image_uri": wanted.image,
        "role": wanted.role,
        "name": wanted.job,
        "env": dict(wanted.environment),
        "model_data": wanted.model_data,
    }


def transformer_arguments(wanted: Batch) -> Request:
    """Arguments of the SDK's `Transformer`, without the session."""
    return {
        "model_name": wanted.job,
        "instance_count": wanted.count,
        "instance_type": wanted.instance_type,
        "output_path": wanted.output_uri,
        "accept": JSON,
        "max_concurrent_transforms": wanted.parallel,
        "max_payload": wanted.max_payload_mb,
        "tags": tag_list(wanted.tags),
    }


def transform_arguments(wanted: Batch) -> Request:
    """Arguments of its `transform`."""
    return {
        "data": wanted.input_uri,
        "data_type": "S3Prefix",
        "content_type": ANY_PICTURE,
        "job_name": wanted.job,
        "wait": False,
    }
