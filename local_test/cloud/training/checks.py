"""What a request for a training job must keep to, beyond AWS's model of its input."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from imageclf.contract import DEFAULT_ROOT
from imageclf.errors import SettingsError
from local_test.cloud.errors import limit_exceeded, unsupported, validation
from local_test.cloud.objects import uri
from local_test.cloud.settings import CloudSettings
from local_test.cloud.training import rules
from local_test.cloud.training.spot import Schedule

_MOST_HYPERPARAMETERS = 100
_DEFAULT_MAX_RUNTIME_S = 86_400

_NOT_DONE = {
    "ServerlessJobConfig": "serverless training (ServerlessJobConfig)",
    "ModelPackageConfig": "model packages made by a training job (ModelPackageConfig)",
    "MlflowConfig": "MLflow tracking (MlflowConfig)",
}
_RESERVED = frozenset({"input", "model", "code"})
_CARRIED = {
    "CheckpointConfig": "S3Uri",
    "DebugHookConfig": "S3OutputPath",
    "TensorBoardOutputConfig": "S3OutputPath",
    "ProfilerConfig": "S3OutputPath",
}
"""Parts with a folder of the job that goes to S3, and the field with its address."""


def check(settings: CloudSettings, arguments: Mapping[str, Any]) -> None:
    """Look through the arguments of CreateTrainingJob.

    Raises:
        ApiError: something is wrong, or is not done here.
    """
    for name, told in _NOT_DONE.items():
        if name in arguments:
            raise unsupported(f"{told}; leave it out.")
    _check_algorithm(arguments.get("AlgorithmSpecification"))
    _check_resources(settings, arguments.get("ResourceConfig"))
    _check_channels(arguments.get("InputDataConfig", ()))
    _check_places(arguments)
    _check_times(settings, arguments)
    rules.check(arguments)
    uri.split(arguments["OutputDataConfig"]["S3OutputPath"])
    if len(arguments.get("HyperParameters", {})) > _MOST_HYPERPARAMETERS:
        raise validation(f"A job has {_MOST_HYPERPARAMETERS} hyperparameters at most.")


def max_runtime_s(job: Mapping[str, Any]) -> float:
    """How long a job may run, all of its attempts together."""
    return float(job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 0)) or float(
        _DEFAULT_MAX_RUNTIME_S
    )


def _check_algorithm(given: Mapping[str, Any] | None) -> None:
    if given is None:
        raise validation("AlgorithmSpecification is required for this job.")
    if "TrainingImage" not in given:
        if "AlgorithmName" in given:
            raise unsupported("algorithm resources (AlgorithmName); name a TrainingImage.")
        raise validation(
            "You must specify either a TrainingImage or an AlgorithmName in AlgorithmSpecification."
        )
    _check_mode(given.get("TrainingInputMode", "File"))
    for one in given.get("MetricDefinitions", ()):
        try:
            re.compile(one["Regex"])
        except re.error as error:
            raise validation(
                f"The regular expression of the metric {one['Name']} is not valid: {error}."
            ) from error


def _check_mode(mode: str) -> None:
    if mode == "Pipe":
        raise unsupported("the input mode Pipe; use File or FastFile.")


def _check_resources(settings: CloudSettings, given: Mapping[str, Any] | None) -> None:
    if given is None:
        raise validation("ResourceConfig is required for this job.")
    if given.get("InstanceGroups"):
        raise unsupported("heterogeneous clusters (InstanceGroups); give InstanceType and Count.")
    if "TrainingPlanArn" in given:
        raise unsupported("training plans (TrainingPlanArn).")
    count = given.get("InstanceCount", 0)
    if "InstanceType" not in given or count < 1:
        raise validation(
            "ResourceConfig must have an InstanceType and an InstanceCount of at least 1."
        )
    if count > settings.slots:
        raise limit_exceeded(
            f"The account-level service limit '{given['InstanceType']} for training job usage' is "
            f"{settings.slots} Instances, with current utilization of 0 Instances and a request "
            f"delta of {count} Instances. Start the local endpoint with LOCAL_CLOUD_SLOTS={count} "
            "or more."
        )


def _check_channels(channels: Any) -> None:
    names = [one["ChannelName"] for one in channels]
    if len(set(names)) < len(names):
        raise validation("The names of the channels in InputDataConfig must differ.")
    for one in channels:
        _check_mode(one.get("InputMode", "File"))
        if "ShuffleConfig" in one:
            raise unsupported("ShuffleConfig; it belongs to the input mode Pipe.")
        if one.get("RecordWrapperType", "None") != "None":
            raise unsupported("RecordWrapperType RecordIO; use None.")
        _check_source(one["DataSource"])


def _check_source(source: Mapping[str, Any]) -> None:
    given = source.get("S3DataSource")
    if given is None:
        raise unsupported("channels from EFS, FSx or data sets; give an S3DataSource.")
    if given.get("S3DataType") not in {"S3Prefix", "ManifestFile"}:
        raise unsupported(
            f"the S3DataType {given.get('S3DataType')}; use S3Prefix or ManifestFile."
        )
    uri.split(given["S3Uri"])


def _check_places(arguments: Mapping[str, Any]) -> None:
    """Folders that go to S3 have to be of the job: below /opt/ml."""
    for part, address in _CARRIED.items():
        given = arguments.get(part, {})
        if address in given:
            uri.split(given[address])
        place = given.get("LocalPath") or given.get("ProfilingParameters", {}).get("LocalPath")
        if place is not None and not _is_own(PurePosixPath(place)):
            raise unsupported(
                f"{part} with the LocalPath {place}; use a folder of its own below {DEFAULT_ROOT}."
            )


def _is_own(place: PurePosixPath) -> bool:
    parts = place.parts[len(DEFAULT_ROOT.parts) :]
    inside = PurePosixPath(DEFAULT_ROOT) in place.parents and ".." not in parts
    return inside and parts[0] not in _RESERVED and parts not in {("output",), ("output", "data")}


def _check_times(settings: CloudSettings, arguments: Mapping[str, Any]) -> None:
    wait_s = arguments.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
    if not arguments.get("EnableManagedSpotTraining"):
        if wait_s is not None:
            raise validation(
                "Invalid MaxWaitTimeInSeconds. It must be present only when "
                "EnableManagedSpotTraining is true."
            )
        return
    if wait_s is None or wait_s < max_runtime_s(arguments):
        raise validation(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds."
        )
    try:
        Schedule.parse(settings.spot)
    except SettingsError as error:
        raise validation(str(error)) from error
