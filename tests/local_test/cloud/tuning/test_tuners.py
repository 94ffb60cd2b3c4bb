"""Tuners that die again and again."""

from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.settings import CloudSettings
from local_test.cloud.tuning import lock, tuners
from local_test.cloud.tuning.trials import KIND

GONE = {"pid": 2**22 + 1, "started": 0.0}


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud.open(CloudSettings(root=tmp_path / "root", runner="process"))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tuning jobs whose tuner was started, none of which lives."""
    names: list[str] = []

    def start(_cloud: Cloud, _module: str, name: str) -> dict[str, Any]:
        names.append(name)
        return GONE

    monkeypatch.setattr("local_test.cloud.tuning.tuners.runners.start_runner", start)
    return names


def underway(cloud: Cloud) -> dict[str, Any]:
    document = {
        "HyperParameterTuningJobName": "job",
        "HyperParameterTuningJobStatus": "InProgress",
        "_tuner": GONE,
    }
    cloud.store.create(KIND, "job", document)
    return document


def test_a_tuner_that_always_dies_fails_the_tuning_job_in_the_end(
    cloud: Cloud, started: list[str]
) -> None:
    document = underway(cloud)
    while document["HyperParameterTuningJobStatus"] == "InProgress":
        tuners.ensure(cloud, document)
        document = cloud.store.find(KIND, "job") or {}
    assert started == ["job"] * 5
    assert document["HyperParameterTuningJobStatus"] == "Failed"
    assert "runners/tuning-job.log" in document["FailureReason"]


def test_a_tuner_that_holds_its_lock_is_not_started_again(cloud: Cloud, started: list[str]) -> None:
    document = underway(cloud)
    with lock.held(cloud, "job"):
        tuners.ensure(cloud, document)
        tuners.resume(cloud)
        with pytest.raises(BlockingIOError), lock.held(cloud, "job"):
            pass
    assert started == []
    tuners.resume(cloud)
    assert started == ["job"]


def test_a_restart_of_the_endpoint_does_not_count_as_a_death(
    cloud: Cloud, started: list[str]
) -> None:
    underway(cloud)
    for _ in range(9):
        tuners.resume(cloud)
    assert (cloud.store.find(KIND, "job") or {})["HyperParameterTuningJobStatus"] == "InProgress"
