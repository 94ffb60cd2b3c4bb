"""The tuner, step by step, with training jobs that are only documents."""

import time
from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.operations import Request
from local_test.cloud.tuning import handlers
from local_test.cloud.tuning.trials import KIND, TRAINING_KIND
from tests.local_test.cloud.tuning.fake_training import (
    NAME,
    FakeTraining,
    again,
    change,
    emit,
    shown,
    tuner,
)
from tests.local_test.cloud.tuning.tuning_jobs import config, definition


def test_no_more_jobs_run_at_once_than_may(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    running = tuner(cloud, tmp_path, config(5, parallel=2))
    for _ in range(3):
        running.step()
    assert len(training.created) == 2
    change(cloud, training.created[0], TrainingJobStatus="Completed")
    running.step()
    assert len(training.created) == 3
    assert shown(cloud)["TrainingJobStatusCounters"]["InProgress"] == 2


def test_a_tuner_that_comes_after_another_goes_on_where_that_was(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    first = tuner(cloud, tmp_path, config(4, parallel=2))
    first.step()
    second = again(cloud)
    second.step()
    assert len(training.created) == 2
    for name in list(training.created):
        emit(cloud, name, [0.5])
        change(cloud, name, TrainingJobStatus="Completed")
    second.step()
    assert [name[:9] for name in training.created] == [f"steps-00{n}" for n in (1, 2, 3, 4)]
    assert shown(cloud)["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 2, "Failed": 0}


def test_a_trial_that_was_written_down_and_not_created_is_created_once(
    cloud: Cloud, tmp_path: Path, training: FakeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tuner(cloud, tmp_path, config(2, parallel=1))

    def die(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "create", die)
        with pytest.raises(KeyboardInterrupt):
            first.step()
    request = Request("List", {"HyperParameterTuningJobName": NAME}, "us-east-1")
    assert handlers.list_training_jobs(cloud, request)["TrainingJobSummaries"] == []
    second = again(cloud)
    second.step()
    second.step()
    (name,) = training.created
    (summary,) = handlers.list_training_jobs(cloud, request)["TrainingJobSummaries"]
    assert summary["TrainingJobName"] == name
    assert summary["ObjectiveStatus"] == "Pending"


def test_a_tuner_that_died_right_after_creating_a_job_does_not_create_it_again(
    cloud: Cloud, tmp_path: Path, training: FakeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tuner(cloud, tmp_path, config(2, parallel=1))
    create = training.create

    def create_and_die(*given: Any, **named: Any) -> str:
        create(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "create", create_and_die)
        with pytest.raises(KeyboardInterrupt):
            first.step()
    again(cloud).step()
    assert len(training.created) == 1


def test_a_refused_training_job_fails_the_tuning_job_with_the_reason(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    running = tuner(cloud, tmp_path, config(4, parallel=2))
    running.step()
    training.refusing = "No instance is left."
    change(cloud, training.created[0], TrainingJobStatus="Completed")
    running.step()
    change(cloud, training.created[1], TrainingJobStatus="Stopped")
    assert running.step()
    job = shown(cloud)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"] == "No instance is left."


def test_a_tuning_job_that_takes_too_long_stops_what_runs_and_is_completed(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    tuning = config(9, parallel=1)
    tuning["ResourceLimits"]["MaxRuntimeInSeconds"] = 120
    running = tuner(cloud, tmp_path, tuning)
    running.step()
    emit(cloud, training.created[0], [0.5])
    cloud.store.change(KIND, NAME, lambda job: job.update(CreationTime=time.time() - 121))
    assert not running.step()
    change(cloud, training.created[0], TrainingJobStatus="Stopped")
    assert running.step()
    job = shown(cloud)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["ConsumedResources"]["RuntimeInSeconds"] in (121, 122)
    assert job["TrainingJobStatusCounters"]["Stopped"] == len(training.created) == 1
    assert job["BestTrainingJob"]["TrainingJobName"] == training.created[0]


def test_a_job_below_the_median_is_stopped_early_and_its_last_value_counts(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    tuning = config(4, parallel=4, TrainingJobEarlyStoppingType="Auto")
    running = tuner(cloud, tmp_path, tuning)
    running.step()
    *others, last = training.created
    for name in others:
        emit(cloud, name, [0.6, 0.8])
        change(cloud, name, TrainingJobStatus="Completed")
    emit(cloud, last, [0.7])
    running.step()
    assert (cloud.store.find(TRAINING_KIND, last) or {})["TrainingJobStatus"] == "InProgress"
    emit(cloud, last, [0.7, 0.69])
    running.step()
    change(cloud, last, TrainingJobStatus="Stopped")
    assert running.step()
    job = shown(cloud)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 4
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1


def test_hyperband_stops_who_is_not_in_the_best_third_at_a_rung(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    running = tuner(
        cloud, tmp_path, config(9, parallel=3, Strategy="Hyperband"), static={"epochs": "9"}
    )
    running.step()
    good, bad, other = training.created
    emit(cloud, good, [0.9])
    running.step()
    emit(cloud, bad, [0.1])
    running.step()
    statuses = [
        (cloud.store.find(TRAINING_KIND, name) or {})["TrainingJobStatus"]
        for name in (good, bad, other)
    ]
    assert statuses == ["InProgress", "Stopping", "InProgress"]


def test_hyperband_ends_a_job_at_the_greatest_resource(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    given = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 3}}
    running = tuner(
        cloud, tmp_path, config(1, parallel=1, Strategy="Hyperband", StrategyConfig=given)
    )
    running.step()
    emit(cloud, training.created[0], [0.1, 0.2])
    running.step()
    assert shown(cloud)["TrainingJobStatusCounters"]["InProgress"] == 1
    emit(cloud, training.created[0], [0.1, 0.2, 0.3])
    running.step()
    job = cloud.store.find(TRAINING_KIND, training.created[0]) or {}
    assert job["TrainingJobStatus"] == "Stopping"


def test_several_definitions_take_turns(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    tuning = config(4, parallel=4)
    one = {
        **definition(tmp_path),
        "HyperParameterRanges": tuning.pop("ParameterRanges"),
        "TuningObjective": tuning.pop("HyperParameterTuningJobObjective"),
    }
    several = [{**one, "DefinitionName": name} for name in ("first", "second")]
    running = tuner(
        cloud, tmp_path, tuning, TrainingJobDefinition=None, TrainingJobDefinitions=several
    )
    running.step()
    running.step()
    request = Request("List", {"HyperParameterTuningJobName": NAME}, "us-east-1")
    found = handlers.list_training_jobs(cloud, request)["TrainingJobSummaries"]
    names = [summary["TrainingJobDefinitionName"] for summary in found]
    assert names == ["first", "second", "first", "second"]


def test_a_training_job_that_was_deleted_is_not_trained_again(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    running = tuner(cloud, tmp_path, config(1, parallel=1))
    running.step()
    cloud.store.delete(TRAINING_KIND, training.created[0])
    assert running.step()
    assert len(training.created) == 1
    request = Request("", {"HyperParameterTuningJobName": NAME}, "us-east-1")
    (summary,) = handlers.list_training_jobs(cloud, request)["TrainingJobSummaries"]
    assert summary["TrainingJobArn"].endswith(f":training-job/{training.created[0]}")
    assert shown(cloud)["TrainingJobStatusCounters"]["Stopped"] == 1


def test_checkpoints_of_training_jobs_lie_apart(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    one = {**definition(tmp_path), "CheckpointConfig": {"S3Uri": "s3://tuning/checkpoints/"}}
    tuner(cloud, tmp_path, config(2), TrainingJobDefinition=one).step()
    for name in training.created:
        job = cloud.store.find(TRAINING_KIND, name) or {}
        assert job["CheckpointConfig"]["S3Uri"] == f"s3://tuning/checkpoints/{name}"


def test_a_search_that_does_not_improve_is_ended_when_that_was_asked_for(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    running = tuner(cloud, tmp_path, config(20, 1, TuningJobCompletionCriteria=criteria))
    while not running.step():
        name = training.created[-1]
        emit(cloud, name, [0.9])
        change(cloud, name, TrainingJobStatus="Completed")
    assert len(training.created) == 4
    details = shown(cloud)["TuningJobCompletionDetails"]
    assert details["NumberOfTrainingJobsObjectiveNotImproving"] == 3


def test_a_search_that_has_converged_says_since_when(
    cloud: Cloud, tmp_path: Path, training: FakeTraining
) -> None:
    criteria = {"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}
    running = tuner(cloud, tmp_path, config(20, 1, TuningJobCompletionCriteria=criteria))
    while not running.step():
        emit(cloud, training.created[-1], [0.9])
        change(cloud, training.created[-1], TrainingJobStatus="Completed")
    assert len(training.created) == 11
    assert shown(cloud)["TuningJobCompletionDetails"]["ConvergenceDetectedTime"] > 0
