"""CreateTrainingJob, and the arguments with which SDK v2's Estimator sends just that request."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from imageclf import metrics
from scripts import naming
from scripts.place import Place
from scripts.requests import profiling
from scripts.sections import Settings

Request = dict[str, Any]

CHANNEL = "data"
PRETRAINED_CHANNEL = "pretrained"
DEFAULT_CHECKPOINTS = "/opt/ml/checkpoints"

_SECONDS_A_MINUTE = 60


def create_training_job(
    settings: Settings,
    place: Place,
    hyperparameters: Mapping[str, str],
    data: str,
    *,
    at: datetime,
    checkpoints: str = "",
) -> Request:
    """The request of one training job.

    Args:
        hyperparameters: as the container reads them, checked by `imageclf.config`.
        data: S3 prefix of the pictures.
        at: the time that the name is made of.
        checkpoints: S3 prefix of an earlier job's checkpoints, to go on from them.
    """
    train = settings.train
    name = naming.name(settings, "train", at)
    request: Request = {
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            "TrainingImage": place.image,
            "TrainingInputMode": train.input_mode,
            "MetricDefinitions": metrics.definitions(),
        },
        "RoleArn": place.role,
        "HyperParameters": dict(hyperparameters),
        "InputDataConfig": channels(settings, data),
        "OutputDataConfig": {"S3OutputPath": place.uri("jobs")},
        "ResourceConfig": {
            "InstanceType": train.instance_type,
            "InstanceCount": train.instances,
            "VolumeSizeInGB": train.volume_gb,
        },
        "StoppingCondition": stopping(settings),
        "Environment": environment(settings, place, hyperparameters, name),
        "Tags": naming.tags(settings),
        "ProfilerConfig": {"DisableProfiler": True},
    }
    if train.spot:
        request["EnableManagedSpotTraining"] = True
    if train.checkpoints or checkpoints:
        request["CheckpointConfig"] = {"S3Uri": checkpoints or place.uri("checkpoints", name, "")}
    return without_empty(request)


def environment(
    settings: Settings, place: Place, hyperparameters: Mapping[str, str], name: str
) -> dict[str, str]:
    """Variables of the container of the job `name`; those of the settings go first."""
    return {
        **profiling.environment(settings, place, hyperparameters, name),
        **settings.environment,
    }


def channels(settings: Settings, data: str) -> list[Request]:
    """The pictures, and a channel of weights where the settings name some."""
    named = {CHANNEL: data}
    if settings.train.pretrained:
        named[PRETRAINED_CHANNEL] = settings.train.pretrained
    return [_channel(name, uri) for name, uri in named.items()]


def stopping(settings: Settings) -> Request:
    """How long the job may run, and wait for spot capacity."""
    train = settings.train
    condition = {"MaxRuntimeInSeconds": train.max_run_minutes * _SECONDS_A_MINUTE}
    if train.spot:
        condition["MaxWaitTimeInSeconds"] = train.max_wait_minutes * _SECONDS_A_MINUTE
    return condition


def estimator_arguments(request: Request) -> dict[str, Any]:
    """Arguments of `sagemaker.estimator.Estimator`, without the session."""
    algorithm, resources = request["AlgorithmSpecification"], request["ResourceConfig"]
    condition = request["StoppingCondition"]
    return {
        "image_uri": algorithm["TrainingImage"],
        "role": request["RoleArn"],
        "instance_count": resources["InstanceCount"],
        "instance_type": resources["InstanceType"],
        "volume_size": resources["VolumeSizeInGB"],
        "max_run": condition["MaxRuntimeInSeconds"],
        "max_wait": condition.get("MaxWaitTimeInSeconds"),
        "use_spot_instances": request.get("EnableManagedSpotTraining", False),
        "checkpoint_s3_uri": request.get("CheckpointConfig", {}).get("S3Uri"),
        "input_mode": algorithm["TrainingInputMode"],
        "output_path": request["OutputDataConfig"]["S3OutputPath"],
        "hyperparameters": request.get("HyperParameters", {}),
        "metric_definitions": algorithm["MetricDefinitions"],
        "environment": request.get("Environment"),
        "tags": request["Tags"],
        "debugger_hook_config": False,
        "disable_profiler": True,
    }


def fit_inputs(request: Request) -> dict[str, dict[str, Any]]:
    """Arguments of `sagemaker.inputs.TrainingInput` for each channel of `fit`."""
    return {
        channel["ChannelName"]: {
            "s3_data": channel["DataSource"]["S3DataSource"]["S3Uri"],
            "s3_data_type": channel["DataSource"]["S3DataSource"]["S3DataType"],
            "distribution": channel["DataSource"]["S3DataSource"]["S3DataDistributionType"],
        }
        for channel in request["InputDataConfig"]
    }


def _channel(name: str, uri: str) -> Request:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": uri,
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def without_empty(request: Request) -> Request:
    """The request without the fields that say nothing, which SageMaker may refuse."""
    return {name: value for name, value in request.items() if value not in ({}, [], "")}
