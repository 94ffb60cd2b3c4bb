"""The files of /opt/ml/input/config and the folders of /opt/ml, as the platform makes them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imageclf.contract import DEFAULT_ROOT, Tree
from local_test.cloud.objects import uri
from local_test.cloud.training import rules

_GROUP = "homogeneousCluster"
_INTERFACE = "lo"  # all instances are on this machine, and on its network

_RECORDED = {
    "debughookconfig": "DebugHookConfig",
    "profilerconfig": "ProfilerConfig",
    "checkpointconfig": "CheckpointConfig",
    "tensorboardoutputconfig": "TensorBoardOutputConfig",
}
"""Parts of the request that the container finds, by the name of the file."""

_CARRIED = {
    "DebugHookConfig": ("output/tensors", "debug-output"),
    "TensorBoardOutputConfig": ("output/tensorboard", "tensorboard-output"),
    "ProfilerConfig": ("output/profiler", "profiler-output"),
}
"""Parts whose output goes to S3: the folder where it is by default, and its name there."""


def write(tree: Tree, job: Mapping[str, Any], host: str, hosts: Sequence[str]) -> None:
    """Make the tree of the instance `host` of a job (its document)."""
    folders = [tree.config, tree.data, tree.model, tree.output_data, checkpoints(tree, job)]
    if rules.DEBUGGER.configurations in job:
        folders.append(tensors(tree, job))
    if profiled(job):
        folders.append(profile(tree, job))
    for folder in [*folders, *(folder for folder, _ in carried(tree, job))]:
        folder.mkdir(parents=True, exist_ok=True)
    _write(tree, "hyperparameters", job.get("HyperParameters", {}))
    _write(tree, "inputdataconfig", {one["ChannelName"]: _channel(job, one) for one in inputs(job)})
    _write(tree, "resourceconfig", _resources(job["ResourceConfig"], host, hosts))
    for name, part in _RECORDED.items():
        if part in job:
            _write(tree, name, _with_place(part, job[part]))


def rewrite_profiler(tree: Tree, configuration: Mapping[str, Any]) -> None:
    """Give a running job another profiler configuration."""
    _write(tree, "profilerconfig", configuration)


def inputs(job: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The channels of a job."""
    channels: Sequence[Mapping[str, Any]] = job.get("InputDataConfig", ())
    return channels


def input_mode(job: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    """File or FastFile: the channel's own, else the job's."""
    mode = channel.get("InputMode") or job["AlgorithmSpecification"].get("TrainingInputMode")
    return str(mode or "File")


def checkpoints(tree: Tree, job: Mapping[str, Any]) -> Path:
    """The folder of checkpoints: the one that the request names, below /opt/ml."""
    named = job.get("CheckpointConfig", {}).get("LocalPath")
    return tree.root / Path(named).relative_to(DEFAULT_ROOT) if named else tree.checkpoints


def tensors(tree: Tree, job: Mapping[str, Any]) -> Path:
    """The folder of tensors: the one that the request names, below /opt/ml."""
    return _place(tree, job, "DebugHookConfig")


def profile(tree: Tree, job: Mapping[str, Any]) -> Path:
    """The folder of the profile: the one that the request names, below /opt/ml."""
    return _place(tree, job, "ProfilerConfig")


def profiled(job: Mapping[str, Any]) -> bool:
    """Whether somebody wants to see a profile of the job."""
    given = job.get("ProfilerConfig", {})
    wanted = "S3OutputPath" in given or rules.PROFILER.configurations in job
    return wanted and "ProfilerConfig" in job and not given.get("DisableProfiler")


def carried(tree: Tree, job: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """The folders of tensors, profiles and the like that go to S3, and where to."""
    found = []
    for part, (_, name) in _CARRIED.items():
        given = job.get(part, {})
        if "S3OutputPath" in given and not given.get("DisableProfiler"):
            address = uri.join(given["S3OutputPath"], job["TrainingJobName"], name)
            found.append((_place(tree, job, part), address))
    return found


def _place(tree: Tree, job: Mapping[str, Any], part: str) -> Path:
    given = job.get(part, {})
    named = given.get("LocalPath") or given.get("ProfilingParameters", {}).get("LocalPath")
    return tree.root / Path(named or DEFAULT_ROOT / _CARRIED[part][0]).relative_to(DEFAULT_ROOT)


def _with_place(part: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The container is told the folder, whether the request names one or not."""
    if part not in {"DebugHookConfig", "TensorBoardOutputConfig"}:
        return given
    told = {"LocalPath": str(DEFAULT_ROOT / _CARRIED[part][0]), **given}
    return {"S3Path" if name == "S3OutputPath" else name: value for name, value in told.items()}


def _channel(job: Mapping[str, Any], channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    told = {
        "TrainingInputMode": input_mode(job, channel),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        told["ContentType"] = channel["ContentType"]
    return told


def _resources(given: Mapping[str, Any], host: str, hosts: Sequence[str]) -> dict[str, Any]:
    kind = given["InstanceType"]
    return {
        "current_host": host,
        "current_instance_type": kind,
        "current_group_name": _GROUP,
        "hosts": list(hosts),
        "instance_groups": [
            {"instance_group_name": _GROUP, "instance_type": kind, "hosts": list(hosts)}
        ],
        "network_interface_name": _INTERFACE,
    }


def _write(tree: Tree, name: str, content: Mapping[str, Any]) -> None:
    path = tree.config / f"{name}.json"
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(dict(content), indent=2), encoding="utf-8")
    part.replace(path)
