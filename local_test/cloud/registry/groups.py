"""Groups of model packages: each holds the versions of one model."""

import time

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError, validation
from local_test.cloud.listing import listed
from local_test.cloud.operations import Document, Request
from local_test.cloud.registry.names import GROUP, PACKAGE, group_name
from local_test.cloud.store import TakenError

_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    "ModelPackageGroupDescription",
    "CreationTime",
    "ModelPackageGroupStatus",
)


def create(cloud: Cloud, request: Request) -> Document:
    """CreateModelPackageGroup.

    Raises:
        ApiError: there is one of that name, or the storage is to be managed.
    """
    name = request.arguments["ModelPackageGroupName"]
    arn = request.arn(GROUP, name)
    if "ManagedConfiguration" in request.arguments:
        raise validation("Managed storage of model packages is not available on this endpoint.")
    document = {
        "ModelPackageGroupName": name,
        "ModelPackageGroupArn": arn,
        "CreationTime": time.time(),
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
        "_last_version": 0,
    }
    if "ModelPackageGroupDescription" in request.arguments:
        text = request.arguments["ModelPackageGroupDescription"]
        document["ModelPackageGroupDescription"] = text
    try:
        cloud.store.create(GROUP, name, document)
    except TakenError as error:
        raise validation(f"Model Package Group already exists: {arn}") from error
    tags = request.arguments.get("Tags", [])
    cloud.store.tag(arn, {tag["Key"]: tag["Value"] for tag in tags})
    return {"ModelPackageGroupArn": arn}


def found(cloud: Cloud, request: Request) -> Document:
    """The group that the request names.

    Raises:
        ApiError: there is none.
    """
    name = group_name(request.arguments["ModelPackageGroupName"])
    document = cloud.store.find(GROUP, name)
    if document is None:
        raise validation(f"ModelPackageGroup {request.arn(GROUP, name)} does not exist.")
    return document


def describe(cloud: Cloud, request: Request) -> Document:
    """DescribeModelPackageGroup."""
    return found(cloud, request)


def list_groups(cloud: Cloud, request: Request) -> Document:
    """ListModelPackageGroups."""
    if request.arguments.get("CrossAccountFilterOption") == "CrossAccount":
        return {"ModelPackageGroupSummaryList": []}
    return listed(
        cloud.store.all(GROUP),
        request.arguments,
        name="ModelPackageGroupName",
        summary=lambda group: {field: group[field] for field in _SUMMARY if field in group},
        answer="ModelPackageGroupSummaryList",
    )


def delete(cloud: Cloud, request: Request) -> Document:
    """DeleteModelPackageGroup.

    Raises:
        ApiError: there is none, or it holds packages.
    """
    group = found(cloud, request)
    name, arn = group["ModelPackageGroupName"], group["ModelPackageGroupArn"]
    if any(one.get("ModelPackageGroupName") == name for one in cloud.store.all(PACKAGE)):
        raise ApiError(
            "ConflictException",
            f"Model Package Group {arn} cannot be deleted while it contains model packages; "
            "delete them first.",
        )
    cloud.store.delete(GROUP, name)
    cloud.store.untag(arn)
    return {}
