"""What this room answers."""

from local_test.cloud.operations import Room
from local_test.cloud.registry import groups, packages

ROOM = Room(
    {
        "CreateModelPackageGroup": groups.create,
        "DescribeModelPackageGroup": groups.describe,
        "ListModelPackageGroups": groups.list_groups,
        "DeleteModelPackageGroup": groups.delete,
        "CreateModelPackage": packages.create,
        "DescribeModelPackage": packages.describe,
        "BatchDescribeModelPackage": packages.describe_several,
        "ListModelPackages": packages.list_packages,
        "UpdateModelPackage": packages.update,
        "DeleteModelPackage": packages.delete,
    }
)
