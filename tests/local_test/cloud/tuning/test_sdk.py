"""Tuning with SDK v2's HyperparameterTuner, unchanged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local_test.cloud.sdk_session import sdk_session
from tests.local_test.cloud.servers import CloudServer
from tests.local_test.cloud.tuning.tuning_jobs import BUCKET, ROLE, definition, ended


@pytest.fixture
def session(tuning_server: CloudServer, tmp_path: Path) -> Iterator[Any]:
    """A session of the SDK that speaks to the endpoint and to nobody else."""
    with sdk_session(tuning_server, tmp_path, BUCKET) as made:
        yield made


def estimator(session: Any, program: Path) -> Any:
    from sagemaker.estimator import Estimator  # noqa: PLC0415  (dear, and only for these tests)

    one = definition(program)
    return Estimator(
        image_uri=one["AlgorithmSpecification"]["TrainingImage"],
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        output_path=f"s3://{BUCKET}/sdk",
        environment=one["Environment"],
        hyperparameters={"epochs": "2"},
        sagemaker_session=session,
    )


def test_the_sdk_s_tuner_finds_the_best_estimator(
    tuning_server: CloudServer, program: Path, session: Any
) -> None:
    from sagemaker.parameter import (  # noqa: PLC0415
        CategoricalParameter,
        ContinuousParameter,
    )
    from sagemaker.tuner import HyperparameterTuner  # noqa: PLC0415

    one = definition(program)
    tuner: Any = HyperparameterTuner(
        estimator(session, program),
        "objective",
        {
            "lr": ContinuousParameter(1e-4, 1e-1, "Logarithmic"),
            "units": CategoricalParameter(["256", "512"]),
        },
        metric_definitions=one["AlgorithmSpecification"]["MetricDefinitions"],
        max_jobs=3,
        max_parallel_jobs=3,
        base_tuning_job_name="sdk",
        tags=[{"Key": "team", "Value": "ants"}],
    )
    tuner.fit(wait=False)
    job = ended(tuning_server, tuner.latest_tuning_job.name)
    assert tuner.best_training_job() == job["BestTrainingJob"]["TrainingJobName"]
    best = tuner.best_estimator()
    assert best.model_data.endswith("/output/model.tar.gz")
    assert best.hyperparameters()["lr"] == job["BestTrainingJob"]["TunedHyperParameters"]["lr"]
    table = tuner.analytics().dataframe()
    assert set(table["TrainingJobStatus"]) == {"Completed"}
    assert table["FinalObjectiveValue"].notna().sum() == 3
    attached: Any = HyperparameterTuner.attach(
        tuner.latest_tuning_job.name, sagemaker_session=session
    )
    assert attached.best_training_job() == tuner.best_training_job()
