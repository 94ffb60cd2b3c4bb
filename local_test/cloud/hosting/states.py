"""The document of an endpoint through its life: what Describe shows, changed step by step.

Private fields: `_active` and `_next` are deployments, `_before` what a scaling goes back to,
`_servers` what finds running servers again.
"""

import time
from collections.abc import Callable, Iterable

from local_test.cloud.hosting.deployment import Deployment, Variant
from local_test.cloud.operations import Document

KIND = "endpoint"

Change = Callable[[Document], None]
"""Changes a document in place."""

CREATING = "Creating"
UPDATING = "Updating"
RESTARTING = "SystemUpdating"
ROLLING_BACK = "RollingBack"
IN_SERVICE = "InService"
DELETING = "Deleting"
FAILED = "Failed"

_MOST_REASON = 1024


def created(name: str, arn: str, wanted: Deployment) -> Document:
    """A new endpoint on its way to `wanted`."""
    now = time.time()
    document: Document = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": wanted.config,
        "EndpointStatus": CREATING,
        "CreationTime": now,
        "LastModifiedTime": now,
        "_active": None,
        "_servers": [],
    }
    set_next(document, wanted)
    return document


def set_next(document: Document, wanted: Deployment) -> None:
    """It is on its way to `wanted`, which is shown as pending."""
    now = time.time()
    document["_next"] = wanted.written()
    document["PendingDeploymentSummary"] = {
        "EndpointConfigName": wanted.config,
        "ProductionVariants": [_pending(one) for one in wanted.variants],
        "StartTime": now,
    }
    document.pop("FailureReason", None)


def set_active(document: Document, active: Deployment) -> None:
    """It serves `active`, all of it."""
    for field in ("_next", "_before", "PendingDeploymentSummary"):
        document.pop(field, None)
    document["_active"] = active.written()
    document["EndpointConfigName"] = active.config
    now = time.time()
    document["ProductionVariants"] = [_summary(one, now) for one in active.variants]
    for field, value in (
        ("DataCaptureConfig", _capture(active.capture)),
        ("AsyncInferenceConfig", active.asynchronous),
    ):
        document.pop(field, None)
        if value is not None:
            document[field] = value
    set_status(document, IN_SERVICE)


def set_desired(document: Document, wanted: Deployment) -> None:
    """It is to have the weights and counts of `wanted`; weights count from now on."""
    document["_before"], document["_active"] = document["_active"], wanted.written()
    by_name = {one.name: one for one in wanted.variants}
    for summary in document["ProductionVariants"]:
        variant = by_name[summary["VariantName"]]
        summary["CurrentWeight"] = summary["DesiredWeight"] = variant.weight
        if variant.serverless is None:
            summary["DesiredInstanceCount"] = variant.count
        else:
            summary["DesiredServerlessConfig"] = variant.serverless
    document.pop("FailureReason", None)
    set_status(document, UPDATING)


def set_status(document: Document, status: str, reason: str = "") -> None:
    """The status, and why it is that one."""
    document["EndpointStatus"] = status
    document["LastModifiedTime"] = time.time()
    if status == FAILED:
        document.pop("PendingDeploymentSummary", None)
    if reason:
        document["FailureReason"] = reason[:_MOST_REASON]


def set_counts(document: Document, running: Iterable[str]) -> None:
    """How many servers of each variant are in service; `running` has a variant for each."""
    names = list(running)
    for summary in document.get("ProductionVariants", []):
        if "CurrentInstanceCount" in summary:
            summary["CurrentInstanceCount"] = names.count(summary["VariantName"])


def _summary(variant: Variant, now: float) -> Document:
    summary: Document = {
        "VariantName": variant.name,
        "DeployedImages": _images(variant, now),
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
    }
    if variant.serverless is None:
        summary |= {"CurrentInstanceCount": variant.count, "DesiredInstanceCount": variant.count}
    else:
        summary |= {
            "CurrentServerlessConfig": variant.serverless,
            "DesiredServerlessConfig": variant.serverless,
        }
    return summary


def _pending(variant: Variant) -> Document:
    pending: Document = {
        "VariantName": variant.name,
        "CurrentWeight": 0.0,
        "DesiredWeight": variant.weight,
    }
    if variant.serverless is not None:
        return pending | {"DesiredServerlessConfig": variant.serverless}
    return pending | {
        "CurrentInstanceCount": 0,
        "DesiredInstanceCount": variant.count,
        "InstanceType": variant.instance_type,
    }


def _images(variant: Variant, now: float) -> list[Document]:
    image = variant.container.image
    return [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now}]


def _capture(config: Document | None) -> Document | None:
    if config is None:
        return None
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
