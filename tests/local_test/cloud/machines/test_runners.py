"""Runners: processes that see to a job, and what becomes of it when they are killed."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.machines import runners
from local_test.cloud.machines.identity import identity, is_alive
from local_test.cloud.settings import CloudSettings
from tests.local_test.cloud.machines.containers import PATIENCE_S, until_written

MODULE = "tests.local_test.cloud.machines.fake_runner"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud.open(CloudSettings(root=tmp_path / "root", runner="process"))
    yield cloud
    runners.clear(cloud.settings, MODULE, "job")


def gone(known: dict[str, object]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(known):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_what_a_killed_runner_started_is_ended_at_once(cloud: Cloud) -> None:
    runner = runners.start_runner(cloud, MODULE, "job")
    child = identity(int(until_written(cloud.settings.root / "job.child")))
    assert runners.is_running(runner)
    os.kill(runner["pid"], signal.SIGKILL)
    assert gone(child)
    assert gone(runner)


def test_a_runner_can_be_asked_to_stop(cloud: Cloud) -> None:
    runner = runners.start_runner(cloud, MODULE, "job")
    until_written(cloud.settings.root / "job.child")
    assert runners.stop_runner(runner)
    assert gone(runner)
    assert not runners.stop_runner(runner)


def test_a_new_runner_of_the_same_name_outlives_the_end_of_the_old_one(cloud: Cloud) -> None:
    first = runners.start_runner(cloud, MODULE, "job")
    until_written(cloud.settings.root / "job.child")
    (cloud.settings.root / "job.child").unlink()
    second = runners.start_runner(cloud, MODULE, "job")
    child = identity(int(until_written(cloud.settings.root / "job.child")))
    os.kill(first["pid"], signal.SIGKILL)
    assert gone(first)
    time.sleep(0.2)  # for as long as the clearing up takes
    assert runners.is_running(second)
    assert is_alive(child)
