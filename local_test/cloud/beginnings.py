"""What a new account needs before the first job: a bucket and a role."""

import json

from moto.iam.models import iam_backends

from local_test.cloud.cloud import Cloud
from local_test.cloud.settings import ACCOUNT, CloudSettings

ROLE = "imageclf-sagemaker"
"""The name that the launchers use where none is given."""

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def default_bucket(settings: CloudSettings) -> str:
    """The bucket that the SDK uses where none is given."""
    return f"sagemaker-{settings.region}-{ACCOUNT}"


def role_arn() -> str:
    """The role that is there from the beginning."""
    return f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"


def make(cloud: Cloud) -> None:
    """Make the bucket, and the role in moto, which forgets it with each process."""
    cloud.objects.create_bucket(default_bucket(cloud.settings))
    iam_backends[ACCOUNT]["aws"].create_role(
        role_name=ROLE,
        assume_role_policy_document=json.dumps(_TRUST),
        path="/",
        permissions_boundary=None,
        description="What jobs run as; nothing checks it here.",
        tags=[],
        max_session_duration="3600",
    )
