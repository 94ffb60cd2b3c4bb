"""The role that jobs and endpoints run under: who may take it, and the least that it may do.

Read and write below the project's prefix of one bucket, pull one repository's images, write logs
and metrics of SageMaker. Nothing else: a job can neither start another nor see other data.
"""

import json
from typing import Any

from scripts import place
from scripts.naming import MADE_BY, MADE_BY_TAG, PROJECT_TAG
from scripts.place import Place

Document = dict[str, Any]

POLICY = "imageclf"
VERSION = "2012-10-17"


def trust(account: str) -> Document:
    """Who may take the role: SageMaker, on behalf of this account only."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return {"Version": VERSION, "Statement": [statement]}


def permissions(at: Place) -> Document:
    """What the role may do."""
    aws = place.partition(at.region)
    bucket = f"arn:{aws}:s3:::{at.bucket}"
    return {
        "Version": VERSION,
        "Statement": [
            _allow(
                "ListTheProject",
                ["s3:ListBucket"],
                [bucket],
                {"StringLike": {"s3:prefix": [at.prefix, f"{at.prefix}/*"]}},
            ),
            _allow("FindTheBucket", ["s3:GetBucketLocation"], [bucket]),
            _allow(
                "ReadAndWriteTheProject",
                ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                [f"{bucket}/{at.prefix}/*"],
            ),
            _allow(
                "PullTheImage",
                [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                [_repository(at)],
            ),
            _allow("LogInToTheRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
            _allow(
                "WriteLogs",
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                [f"arn:{aws}:logs:{at.region}:{at.account}:log-group:/aws/sagemaker/*"],
            ),
            _allow(
                "WriteMetrics",
                ["cloudwatch:PutMetricData"],
                ["*"],
                {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
            ),
        ],
    }


def create_role(name: str, project: str, account: str) -> Document:
    """CreateRole."""
    return {
        "RoleName": name,
        "AssumeRolePolicyDocument": json.dumps(trust(account)),
        "Description": "Runs the jobs and endpoints of imageclf; made by scripts/role.sh.",
        "Tags": [
            {"Key": PROJECT_TAG, "Value": project},
            {"Key": MADE_BY_TAG, "Value": MADE_BY},
        ],
    }


def update_trust(name: str, account: str) -> Document:
    """UpdateAssumeRolePolicy, for a role that is there."""
    return {"RoleName": name, "PolicyDocument": json.dumps(trust(account))}


def put_policy(name: str, at: Place) -> Document:
    """PutRolePolicy."""
    return {
        "RoleName": name,
        "PolicyName": POLICY,
        "PolicyDocument": json.dumps(permissions(at)),
    }


def _allow(
    name: str, actions: list[str], resources: list[str], condition: Document | None = None
) -> Document:
    statement: Document = {
        "Sid": name,
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources,
    }
    return {**statement, "Condition": condition} if condition else statement


def _repository(at: Place) -> str:
    """The ARN of the image's repository: of another account's where the image is there."""
    registry, _, path = at.image.partition("/")
    parts = registry.split(".")
    name = path.partition("@")[0].rpartition(":")[0] or path.partition("@")[0]
    if len(parts) < 4 or parts[1:3] != ["dkr", "ecr"]:
        name, parts = "imageclf", [at.account, "dkr", "ecr", at.region]
    return f"arn:{place.partition(at.region)}:ecr:{parts[3]}:{parts[0]}:repository/{name}"
