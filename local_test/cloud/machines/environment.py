"""What is in the environment of every job and server."""

import os
from collections.abc import Mapping

from imageclf.machine import cores
from local_test.cloud.machines import marks
from local_test.cloud.machines.machine import Container
from local_test.cloud.settings import HOST, PREFIX, CloudSettings

_OF_THE_USER = (
    "AWS_",
    PREFIX,
    "LOCALCLOUD_",
    "IMAGECLF_",
    "SAGEMAKER_",
    "SM_",
    "TRAINING_JOB_",
    "PROCESSING_JOB_",
    "PYTEST_",
)
"""Beginnings of variables that a container would not see, and a process must not."""


def client(settings: CloudSettings) -> dict[str, str]:
    """What an AWS client needs; at the credentials nobody here looks."""
    return {
        "AWS_ENDPOINT_URL": settings.address,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def given(settings: CloudSettings, container: Container) -> dict[str, str]:
    """What the platform and the request set, whatever the instance runs in."""
    marked = {marks.INSTANCE: str(container.ml)}
    if owner := os.environ.get(marks.OWNER):
        marked[marks.OWNER] = owner
    return {
        **client(settings),
        **(_share(settings) if container.port is None else _address(container.port)),
        **container.environment,
        **marked,
    }


def inherited(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a process gets of ours: as if the image had it."""
    return {name: text for name, text in environment.items() if not name.startswith(_OF_THE_USER)}


def _share(settings: CloudSettings) -> dict[str, str]:
    """A job's part of the cores: threads that wait for a core that is taken wait in a busy loop."""
    return {"OMP_NUM_THREADS": str(max(1, cores() // settings.slots))}


def _address(port: int) -> dict[str, str]:
    """A server on the host's network must be told to keep to this machine."""
    return {"SAGEMAKER_BIND_TO_PORT": str(port), "IMAGECLF_HOST": HOST}
