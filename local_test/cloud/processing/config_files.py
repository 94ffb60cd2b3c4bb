"""The files under /opt/ml/config that tell a processing container what its job is."""

import json
from collections.abc import Sequence
from pathlib import Path

from local_test.cloud.operations import Document

_OF_THE_JOB = (
    "ProcessingJobArn",
    "ProcessingJobName",
    "AppSpecification",
    "Environment",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
    "NetworkConfig",
)


def write(ml: Path, job: Document, host: str, hosts: Sequence[str]) -> None:
    """Write them for one instance; `ml` is its /opt/ml."""
    folder = ml / "config"
    folder.mkdir(parents=True, exist_ok=True)
    described = {field: job[field] for field in _OF_THE_JOB if field in job}
    (folder / "processingjobconfig.json").write_text(json.dumps(described))
    (folder / "resourceconfig.json").write_text(json.dumps(_resources(job, host, hosts)))


def _resources(job: Document, host: str, hosts: Sequence[str]) -> Document:
    instance_type = job["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type}
    return {
        "current_host": host,
        "current_instance_type": instance_type,
        "current_group_name": group["instance_group_name"],
        "hosts": list(hosts),
        "instance_groups": [{**group, "hosts": list(hosts)}],
        "network_interface_name": "lo",
    }
