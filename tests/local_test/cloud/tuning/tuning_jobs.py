"""Tuning jobs for tests: real ones, on a real endpoint, with a training that takes no time."""

import textwrap
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.local_test.cloud.servers import PATIENCE_S, CloudServer

BUCKET = "tuning"
ROLE = "arn:aws:iam::123456789012:role/tuner"
TERMINAL = ("Completed", "Failed", "Stopped")

FAKE_TRAINING = """
import json, math, os, pathlib, sys, time

root = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
given = json.loads((root / "input/config/hyperparameters.json").read_text())
if given.get("fault") == "exit":
    (root / "output/failure").write_text("The training was told to fail.")
    sys.exit(1)
objective = 1 - (math.log10(float(given["lr"])) + 2) ** 2
epochs = int(given.get("epochs", 1))
for epoch in range(1, epochs + 1):
    name = "nothing" if given.get("fault") == "silent" else "objective"
    value = "nan" if given.get("fault") == "nan" else objective - 1 / epoch
    print(f"epoch={epoch} validation:{name}={value}", flush=True)
    time.sleep(float(given.get("pause", 0)))
(root / "model" / "given.json").write_text(json.dumps(given))
"""
"""Stands for the image's program, which would take eight seconds for each training job: the
objective is best at lr = 0.01 and grows with the epochs."""


def definition(folder: Path, **static: str) -> dict[str, Any]:
    """A TrainingJobDefinition whose training is the one above; `folder` gets the program."""
    (folder / "imageclf.py").write_text(textwrap.dedent(FAKE_TRAINING))
    return {
        "StaticHyperParameters": static,
        "AlgorithmSpecification": {
            "TrainingImage": "imageclf:latest",
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": "objective", "Regex": r"validation:objective=([-+.\w]+)"}
            ],
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        "Environment": {"PYTHONPATH": str(folder)},
    }


def config(most: int | None, parallel: int = 2, **more: Any) -> dict[str, Any]:
    """A HyperParameterTuningJobConfig that searches `lr`."""
    limits: dict[str, Any] = {"MaxParallelTrainingJobs": parallel}
    if most is not None:
        limits["MaxNumberOfTrainingJobs"] = most
    lr = {"Name": "lr", "MinValue": "0.0001", "MaxValue": "1", "ScalingType": "Logarithmic"}
    return {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "objective"},
        "ResourceLimits": limits,
        "ParameterRanges": {"ContinuousParameterRanges": [lr]},
        "RandomSeed": 1,
        **more,
    }


def ended(server: CloudServer, name: str, statuses: Iterable[str] = TERMINAL) -> dict[str, Any]:
    """What Describe says of the tuning job once it has one of these statuses."""
    return described(server, name, lambda job: job["HyperParameterTuningJobStatus"] in statuses)


def described(server: CloudServer, name: str, condition: Any) -> dict[str, Any]:
    """What Describe says of the tuning job once that meets the condition."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job: dict[str, Any] = server.client("sagemaker").describe_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name
        )
        if condition(job):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.1)


def training_jobs(server: CloudServer, name: str, **more: Any) -> list[Mapping[str, Any]]:
    """The summaries of its training jobs."""
    answer = server.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, **{"MaxResults": 100, **more}
    )
    found: list[Mapping[str, Any]] = answer["TrainingJobSummaries"]
    return found


def objective(summary: Mapping[str, Any]) -> float:
    """The final objective of a training job."""
    return float(summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
