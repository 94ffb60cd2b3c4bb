"""Tuning jobs whose tuner, or whose endpoint, is killed."""

from pathlib import Path

import psutil

from local_test.cloud.tuning.trials import KIND
from tests.local_test.cloud.servers import CloudServer
from tests.local_test.cloud.tuning.tuning_jobs import (
    config,
    definition,
    described,
    ended,
    training_jobs,
)


def start(server: CloudServer, program: Path, name: str, pause_s: float = 0.5) -> None:
    """A tuning job of three training jobs, two of which run, for two pauses each."""
    server.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig=config(3, parallel=2),
        TrainingJobDefinition=definition(program, epochs="2", pause=str(pause_s)),
    )
    described(server, name, lambda job: job["TrainingJobStatusCounters"]["InProgress"] == 2)


def kill_tuner(server: CloudServer, name: str) -> None:
    document = server.cloud.store.find(KIND, name)
    assert document is not None
    tuner = psutil.Process(document["_tuner"]["pid"])
    tuner.kill()
    psutil.wait_procs([tuner], timeout=10)


def check_nothing_was_lost_or_doubled(server: CloudServer, name: str) -> None:
    job = ended(server, name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["Completed"] == 3
    shown = [one["TrainingJobName"] for one in training_jobs(server, name)]
    assert [one[: len(name) + 4] for one in shown] == [f"{name}-{n:03d}" for n in (1, 2, 3)]
    trained = server.client("sagemaker").list_training_jobs(NameContains=name, MaxResults=100)
    assert sorted(one["TrainingJobName"] for one in trained["TrainingJobSummaries"]) == shown


def test_a_killed_tuner_is_started_again_and_goes_on(
    tuning_server: CloudServer, program: Path
) -> None:
    start(tuning_server, program, "orphan")
    kill_tuner(tuning_server, "orphan")
    check_nothing_was_lost_or_doubled(tuning_server, "orphan")


def test_after_a_kill_of_endpoint_and_tuner_the_next_endpoint_goes_on(
    tuning_server: CloudServer, program: Path
) -> None:
    start(tuning_server, program, "crash")
    tuning_server.kill()
    kill_tuner(tuning_server, "crash")
    tuning_server.start()
    check_nothing_was_lost_or_doubled(tuning_server, "crash")


def test_an_orderly_end_of_the_endpoint_stops_tuning_jobs(
    tuning_server: CloudServer, program: Path
) -> None:
    start(tuning_server, program, "shut", pause_s=60)
    tuning_server.restart()
    job = ended(tuning_server, "shut")
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
