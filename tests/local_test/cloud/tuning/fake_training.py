"""Tuners taken step by step, with training jobs that are only documents."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import validation
from local_test.cloud.operations import Request
from local_test.cloud.tuning import handlers
from local_test.cloud.tuning.trials import KIND, TRAINING_KIND
from local_test.cloud.tuning.tuner import Tuner
from tests.local_test.cloud.tuning.tuning_jobs import definition

NAME = "steps"


class FakeTraining:
    """Stands for `training.jobs`: jobs are documents that the test changes."""

    def __init__(self) -> None:
        self.created: list[str] = []
        self.refusing = ""

    def create(
        self, cloud: Cloud, request: Request, *, tuning: Mapping[str, Any] | None = None
    ) -> str:
        if self.refusing:
            raise validation(self.refusing)
        name = request.arguments["TrainingJobName"]
        arn = request.arn(TRAINING_KIND, name)
        job = {
            **request.arguments,
            **(tuning or {}),
            "TrainingJobArn": arn,
            "TrainingJobStatus": "InProgress",
            "CreationTime": time.time(),
        }
        cloud.store.create(TRAINING_KIND, name, job)
        self.created.append(name)
        return arn

    def stop(self, cloud: Cloud, name: str) -> None:
        change(cloud, name, TrainingJobStatus="Stopping")

    def delete(self, cloud: Cloud, name: str) -> None:
        cloud.store.delete(TRAINING_KIND, name)

    def mark_if_lost(self, _cloud: Cloud, job: dict[str, Any]) -> dict[str, Any]:
        return job


def change(cloud: Cloud, name: str, **fields: Any) -> None:
    cloud.store.change(TRAINING_KIND, name, lambda job: job.update(fields))


def emit(cloud: Cloud, name: str, values: Sequence[float]) -> None:
    metrics = [{"name": "objective", "value": value, "at_s": 1.0} for value in values]
    change(cloud, name, _metrics=metrics)


def finish(cloud: Cloud, name: str, values: Sequence[float]) -> None:
    emit(cloud, name, values)
    change(cloud, name, TrainingJobStatus="Completed")


def tuner(cloud: Cloud, folder: Path, tuning: dict[str, Any], **more: Any) -> Tuner:
    static = more.pop("static", {})
    arguments = {
        "HyperParameterTuningJobName": NAME,
        "HyperParameterTuningJobConfig": tuning,
        "TrainingJobDefinition": definition(folder, **static),
        **more,
    }
    request = Request("CreateHyperParameterTuningJob", arguments, "us-east-1")
    handlers.create(cloud, request)
    return again(cloud)


def again(cloud: Cloud) -> Tuner:
    """Another tuner of the same job, as after the death of the first."""
    document = cloud.store.find(KIND, NAME)
    assert document is not None
    return Tuner(cloud, NAME, document)


def shown(cloud: Cloud) -> dict[str, Any]:
    request = Request(
        "DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": NAME}, "us-east-1"
    )
    return handlers.describe(cloud, request)
