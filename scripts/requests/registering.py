"""What is sent to SageMaker to record a model in its registry, with its metrics."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.requests.hosting import tag_list

Request = dict[str, Any]

_CONTENT_TYPES = ["image/jpeg", "image/png", "application/x-image", "application/json"]
_ANSWER_TYPES = ["application/json", "application/jsonlines", "text/csv"]
_MOST_PROPERTIES = 50
_LONGEST_VALUE = 256
_UNTOLD = re.compile(r"[^\w .:/=+@-]")
"""What a property may not have in it."""


@dataclass(frozen=True)
class Registration:
    """One version of a model.

    Attributes:
        group: the model package group that it becomes a version of.
        statistics_uri: where the file of `statistics` was uploaded to; empty for none.
        properties: what else is noted, such as the training job.
        tags: of the group; a version has those of its group.
    """

    group: str
    image: str
    model_data: str
    approval: str
    instance_types: Sequence[str]
    statistics_uri: str = ""
    description: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def create_model_package_group(wanted: Registration) -> Request:
    """The request of CreateModelPackageGroup."""
    return {
        "ModelPackageGroupName": wanted.group,
        "ModelPackageGroupDescription": "Image classifiers trained by imageclf.",
        "Tags": tag_list(wanted.tags),
    }


def create_model_package(wanted: Registration) -> Request:
    """The request of CreateModelPackage."""
    request: Request = {
        "ModelPackageGroupName": wanted.group,
        "InferenceSpecification": {
            "Containers": [{"Image": wanted.image, "ModelDataUrl": wanted.model_data}],
            "SupportedContentTypes": _CONTENT_TYPES,
            "SupportedResponseMIMETypes": _ANSWER_TYPES,
            "SupportedRealtimeInferenceInstanceTypes": list(wanted.instance_types),
            "SupportedTransformInstanceTypes": list(wanted.instance_types),
        },
        "ModelApprovalStatus": wanted.approval,
        "Domain": "COMPUTER_VISION",
        "Task": "IMAGE_CLASSIFICATION",
    }
    if properties := _properties(wanted.properties):
        request["CustomerMetadataProperties"] = properties
    if wanted.description:
        request["ModelPackageDescription"] = wanted.description
    if wanted.statistics_uri:
        source = {"ContentType": "application/json", "S3Uri": wanted.statistics_uri}
        request["ModelMetrics"] = {"ModelQuality": {"Statistics": source}}
    return request


def update_model_package(arn: str, approval: str) -> Request:
    """The request of UpdateModelPackage that changes the approval."""
    return {"ModelPackageArn": arn, "ModelApprovalStatus": approval}


def statistics(figures: Mapping[str, float]) -> Request:
    """The metrics of a training job in the form that the registry's pages show.

    The report is that of Model Monitor's model quality for classes; figures of the test set go
    before those of validation. All figures stand beside, by their own names.
    """
    shown = {
        "accuracy": _first(figures, "test:top1", "best:top1", "validation:top1"),
        "macro_f1": _first(figures, "test:f1", "validation:f1"),
        "cross_entropy": _first(figures, "test:loss", "validation:loss"),
    }
    return {
        "multiclass_classification_metrics": {
            name: {"value": value, "standard_deviation": "NaN"}
            for name, value in shown.items()
            if value is not None
        },
        "training_job_metrics": dict(figures),
    }


def _first(figures: Mapping[str, float], *names: str) -> float | None:
    return next((figures[name] for name in names if name in figures), None)


def _properties(properties: Mapping[str, str]) -> dict[str, str]:
    kept = list(properties.items())[:_MOST_PROPERTIES]
    told = {name: _UNTOLD.sub("-", value)[:_LONGEST_VALUE] for name, value in kept}
    return {name: value for name, value in told.items() if value}
