"""Where things are made: what a request needs to know of an account, as plain values."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.sections import Settings

PLACEHOLDER_ACCOUNT = "123456789012"
"""The account of AWS's own examples, which a dry run shows."""

PLACEHOLDER_REGION = "us-east-1"
REPOSITORY = "imageclf:latest"


@dataclass(frozen=True)
class Place:
    """An account's region, and what is used there; `role` is an ARN, `image` an address."""

    account: str
    region: str
    bucket: str
    role: str
    image: str
    prefix: str = "imageclf"

    def uri(self, *parts: str) -> str:
        """`s3://<bucket>/<prefix>/` and `parts`, with a slash between each."""
        return "/".join([f"s3://{self.bucket}", self.prefix, *parts])


def assumed(settings: Settings, environment: Mapping[str, str] = os.environ) -> Place:
    """The place as far as it is known without asking AWS: what a dry run shows."""
    region = settings.region or environment_region(environment) or PLACEHOLDER_REGION
    role = settings.role
    if not role.startswith("arn:"):
        role = f"arn:{partition(region)}:iam::{PLACEHOLDER_ACCOUNT}:role/{role}"
    return Place(
        account=PLACEHOLDER_ACCOUNT,
        region=region,
        bucket=settings.bucket or default_bucket(PLACEHOLDER_ACCOUNT, region),
        role=role,
        image=settings.image or default_image(PLACEHOLDER_ACCOUNT, region),
        prefix=settings.prefix,
    )


def environment_region(environment: Mapping[str, str]) -> str:
    """The region that the environment names, or nothing."""
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or ""


def default_bucket(account: str, region: str) -> str:
    """The bucket that SageMaker's SDK uses by itself."""
    return f"sagemaker-{region}-{account}"


def default_image(account: str, region: str) -> str:
    """Where `make push` puts the image."""
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{domain}/{REPOSITORY}"


def partition(region: str) -> str:
    """The first part of an ARN behind `arn:`."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
