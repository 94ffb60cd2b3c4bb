"""Model packages: what a model needs to be deployed, and whether it has been approved.

Nothing is run here: the validation jobs and the scans of AWS Marketplace do not exist.
"""

import time
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError, unsupported, validation
from local_test.cloud.listing import listed
from local_test.cloud.operations import Document, Request
from local_test.cloud.registry import groups
from local_test.cloud.registry.names import GROUP, PACKAGE, group_name, package_key
from local_test.cloud.store import MissingError, TakenError

_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
_BATCH = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
)
_UNSUPPORTED = {
    "ValidationSpecification": "validating a model package by transform jobs.",
    "SourceAlgorithmSpecification": "packaging an algorithm of AWS Marketplace.",
    "ManagedStorageType": "managed storage of model packages.",
}
_NOT_KEPT = ("Tags", "ClientToken")


def create(cloud: Cloud, request: Request) -> Document:
    """CreateModelPackage: a new version in a group, or a package with a name of its own.

    Raises:
        ApiError: the group is not there, the name is taken, or a part is asked for that only
            AWS Marketplace has.
    """
    arguments = request.arguments
    _check(arguments)
    earlier = _same_token(cloud, arguments.get("ClientToken"))
    if earlier is not None:
        return {"ModelPackageArn": earlier}
    if "ModelPackageGroupName" in arguments:
        return _create_version(cloud, request)
    return _create_named(cloud, request)


def _check(arguments: Document) -> None:
    named, grouped = "ModelPackageName" in arguments, "ModelPackageGroupName" in arguments
    if named and grouped:
        raise validation(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
            "Cannot determine which one to use."
        )
    if not named and not grouped:
        raise validation("Missing ARN.")
    for field, what in _UNSUPPORTED.items():
        if field in arguments:
            raise unsupported(what)
    if arguments.get("CertifyForMarketplace"):
        raise unsupported("certifying a model package for AWS Marketplace.")
    if grouped and arguments.get("Tags"):
        raise validation("Tags cannot be given to a model version; tag its model package group.")
    if named and "ModelApprovalStatus" in arguments:
        raise validation("ModelApprovalStatus is for versioned model packages only.")
    if named and "InferenceSpecification" not in arguments:
        raise validation("An unversioned model package needs an InferenceSpecification.")


def _same_token(cloud: Cloud, token: str | None) -> str | None:
    if token is None:
        return None
    arns = (one["ModelPackageArn"] for one in cloud.store.all(PACKAGE) if one["_token"] == token)
    return next(arns, None)


def _create_version(cloud: Cloud, request: Request) -> Document:
    name = groups.found(cloud, request)["ModelPackageGroupName"]

    def count(group: Document) -> None:
        group["_last_version"] += 1

    try:
        version: int = cloud.store.change(GROUP, name, count)["_last_version"]
    except MissingError as error:
        raise validation(f"ModelPackageGroup {name} does not exist.") from error
    document = _document(request, f"{name}/{version}")
    document["ModelPackageName"] = document["ModelPackageGroupName"] = name
    document["ModelPackageVersion"] = version
    document.setdefault("ModelApprovalStatus", "PendingManualApproval")
    document.setdefault("ModelPackageRegistrationType", "Registered")
    cloud.store.create(PACKAGE, f"{name}/{version}", document)
    return {"ModelPackageArn": document["ModelPackageArn"]}


def _create_named(cloud: Cloud, request: Request) -> Document:
    name = request.arguments["ModelPackageName"]
    document = _document(request, name)
    arn = document["ModelPackageArn"]
    try:
        cloud.store.create(PACKAGE, name, document)
    except TakenError as error:
        raise ApiError("ConflictException", f"Model Package already exists: {arn}") from error
    tags = request.arguments.get("Tags", [])
    cloud.store.tag(arn, {tag["Key"]: tag["Value"] for tag in tags})
    return {"ModelPackageArn": arn}


def _document(request: Request, key: str) -> Document:
    kept = {field: one for field, one in request.arguments.items() if field not in _NOT_KEPT}
    now = time.time()
    return kept | {
        "ModelPackageArn": request.arn(PACKAGE, key),
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": {},
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
        "_token": request.arguments.get("ClientToken"),
    }


def describe(cloud: Cloud, request: Request) -> Document:
    """DescribeModelPackage.

    Raises:
        ApiError: there is none.
    """
    key = package_key(request.arguments["ModelPackageName"])
    document = cloud.store.find(PACKAGE, key)
    if document is None:
        raise _missing(request, key)
    return document


def describe_several(cloud: Cloud, request: Request) -> Document:
    """BatchDescribeModelPackage: versions by ARN, and an error for each that is not there."""
    known: Document = {}
    errors: Document = {}
    for arn in request.arguments["ModelPackageArnList"]:
        document = cloud.store.find(PACKAGE, package_key(arn))
        if document is None or "ModelPackageVersion" not in document:
            message = f"ModelPackage {arn} does not exist."
            errors[arn] = {"ErrorCode": "ValidationException", "ErrorResponse": message}
        else:
            document.setdefault("InferenceSpecification", {"Containers": []})
            known[arn] = {field: document[field] for field in _BATCH if field in document}
    return {"ModelPackageSummaries": known, "BatchDescribeModelPackageErrorMap": errors}


def list_packages(cloud: Cloud, request: Request) -> Document:
    """ListModelPackages; without a group and a type, those that have no versions."""
    arguments = request.arguments
    if "ModelPackageGroupName" in arguments:
        groups.found(cloud, request)
    chosen = [one for one in cloud.store.all(PACKAGE) if _is_wanted(one, arguments)]
    return listed(
        chosen,
        arguments,
        name="ModelPackageName",
        summary=_summary,
        answer="ModelPackageSummaryList",
    )


def _is_wanted(package: Document, arguments: Document) -> bool:
    grouped = "ModelPackageGroupName" in arguments
    versioned = "ModelPackageVersion" in package
    kind = arguments.get("ModelPackageType", "Versioned" if grouped else "Unversioned")
    if kind != "Both" and versioned != (kind == "Versioned"):
        return False
    if grouped:
        group = group_name(arguments["ModelPackageGroupName"])
        if package.get("ModelPackageGroupName") != group:
            return False
    approval = package.get("ModelApprovalStatus")
    return bool(arguments.get("ModelApprovalStatus", approval) == approval)


def _summary(package: Document) -> Document:
    fields = _SUMMARY if "ModelPackageVersion" in package else ("ModelPackageName", *_SUMMARY)
    return {field: package[field] for field in fields if field in package}


def update(cloud: Cloud, request: Request) -> Document:
    """UpdateModelPackage: approval, metadata, and what else may be changed later.

    Raises:
        ApiError: there is none, or it has no versions.
    """
    key = package_key(request.arguments["ModelPackageArn"])

    def change(package: Document) -> None:
        if "ModelPackageVersion" not in package:
            raise validation("Only a versioned model package can be updated.")
        _update(package, request.arguments)

    try:
        document = cloud.store.change(PACKAGE, key, change)
    except MissingError as error:
        raise _missing(request, key) from error
    return {"ModelPackageArn": document["ModelPackageArn"]}


def _update(package: Document, arguments: Document) -> None:
    plain = (
        "ModelApprovalStatus",
        "ApprovalDescription",
        "ModelPackageRegistrationType",
        "InferenceSpecification",
        "SourceUri",
        "ModelCard",
        "ModelLifeCycle",
    )
    package.update({field: arguments[field] for field in plain if field in arguments})
    _update_metadata(package, arguments)
    added = arguments.get("AdditionalInferenceSpecificationsToAdd", [])
    if added:
        package.setdefault("AdditionalInferenceSpecifications", []).extend(added)
    package["LastModifiedTime"] = time.time()
    package["LastModifiedBy"] = {}


def _update_metadata(package: Document, arguments: Document) -> None:
    metadata: dict[str, Any] = package.pop("CustomerMetadataProperties", {})
    metadata |= arguments.get("CustomerMetadataProperties", {})
    for key in arguments.get("CustomerMetadataPropertiesToRemove", []):
        metadata.pop(key, None)
    if len(metadata) > 50:
        raise validation("CustomerMetadataProperties may have at most 50 entries.")
    if metadata:
        package["CustomerMetadataProperties"] = metadata


def delete(cloud: Cloud, request: Request) -> Document:
    """DeleteModelPackage.

    Raises:
        ApiError: there is none.
    """
    key = package_key(request.arguments["ModelPackageName"])
    if not cloud.store.delete(PACKAGE, key):
        raise _missing(request, key)
    cloud.store.untag(request.arn(PACKAGE, key))
    return {}


def _missing(request: Request, key: str) -> ApiError:
    return validation(f"ModelPackage {request.arn(PACKAGE, key)} does not exist.")
