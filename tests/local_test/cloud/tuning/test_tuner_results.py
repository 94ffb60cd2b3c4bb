"""What becomes of a search whose training jobs fail, give no figure, or are retried."""

from pathlib import Path

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.operations import Request
from local_test.cloud.tuning import handlers
from local_test.cloud.tuning.trials import TRAINING_KIND
from tests.local_test.cloud.tuning.fake_training import (
    NAME,
    FakeTraining,
    again,
    change,
    finish,
    shown,
    tuner,
)
from tests.local_test.cloud.tuning.tuning_jobs import config, definition


@pytest.mark.parametrize("values", [[], [0.5, float("nan")]])
def test_jobs_without_a_final_objective_fail_the_tuning_job(
    cloud: Cloud, tmp_path: Path, training: FakeTraining, values: list[float]
) -> None:
    running = tuner(cloud, tmp_path, config(20, parallel=1))
    while not running.step():
        finish(cloud, training.created[-1], values)
    job = shown(cloud)
    assert len(training.created) == 5
    assert job["ObjectiveStatusCounters"]["Failed"] == 5
    assert job["FailureReason"].startswith("No objective metrics found after running 5 training")


def test_one_good_job_keeps_a_tuning_job_from_failing(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    running = tuner(cloud, tmp_path, config(8, parallel=1))
    while not running.step():
        finish(cloud, training.created[-1], [0.5] if len(training.created) == 1 else [])
    assert len(training.created) == 8
    assert shown(cloud)["HyperParameterTuningJobStatus"] == "Completed"


def test_the_same_seed_tries_the_same_values_after_a_restart_too(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    def tried(restart: bool) -> list[str]:
        running = tuner(cloud, tmp_path, config(6, parallel=1))
        while not running.step():
            rate = cloud.store.find(TRAINING_KIND, training.created[-1]) or {}
            finish(cloud, training.created[-1], [float(rate["HyperParameters"]["lr"])])
            running = again(cloud) if restart else running
        request = Request("", {"HyperParameterTuningJobName": NAME}, "us-east-1")
        found = handlers.list_training_jobs(cloud, request)["TrainingJobSummaries"]
        handlers.delete(cloud, request)
        return [one["TunedHyperParameters"]["lr"] for one in found]

    assert tried(restart=True) == tried(restart=False)


def test_internal_errors_are_counted_as_retryable(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    running = tuner(cloud, tmp_path, config(3, parallel=2))
    running.step()
    change(cloud, training.created[0], TrainingJobStatus="Failed", FailureReason="AlgorithmError")
    reason = "InternalServerError: The runner died."
    change(cloud, training.created[1], TrainingJobStatus="Failed", FailureReason=reason)
    running.step()
    counted = shown(cloud)["TrainingJobStatusCounters"]
    assert (counted["NonRetryableError"], counted["RetryableError"]) == (1, 1)


def test_a_job_that_failed_through_no_fault_of_its_own_is_retried_as_often_as_asked(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    one = {**definition(tmp_path), "RetryStrategy": {"MaximumRetryAttempts": 2}}
    running = tuner(cloud, tmp_path, config(1, parallel=1), TrainingJobDefinition=one)
    reason = "InternalServerError: The runner died."
    while not running.step():
        change(cloud, training.created[-1], TrainingJobStatus="Failed", FailureReason=reason)
    assert len(training.created) == 3
    assert len(set(training.created)) == 1
    assert shown(cloud)["TrainingJobStatusCounters"]["RetryableError"] == 1


def test_a_fault_of_the_training_is_not_retried(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    one = {**definition(tmp_path), "RetryStrategy": {"MaximumRetryAttempts": 2}}
    running = tuner(cloud, tmp_path, config(1, parallel=1), TrainingJobDefinition=one)
    while not running.step():
        reason = "AlgorithmError: It was told to."
        change(cloud, training.created[-1], TrainingJobStatus="Failed", FailureReason=reason)
    assert len(training.created) == 1
