from pathlib import Path

import pytest

from imageclf.errors import SettingsError
from local_test import jobs
from local_test.docker import Engine
from local_test.jobs import DockerJob, ProcessJob
from local_test.run_folder import Run
from tests.local_test import fake_docker
from tests.local_test.test_docker import PLAIN

OWNER = (1, 1)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "run" / "input" / "data").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    return Run(tmp_path / "run", tmp_path / "data")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER", raising=False)
    monkeypatch.setenv("PATH", f"{fake_docker.put(tmp_path / 'bin', PLAIN)}:/bin")


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("runner", ["auto", "docker"])
def test_docker_is_taken_where_engine_and_image_are_there(run: Run, runner: str) -> None:
    make_job, told = jobs.choose(runner, "there:1", OWNER)
    assert isinstance(make_job(run), DockerJob)
    assert "there:1" in told


@pytest.mark.usefixtures("engine")
def test_auto_without_the_image_falls_back_and_says_why(run: Run) -> None:
    make_job, told = jobs.choose("auto", "absent:1", OWNER)
    assert isinstance(make_job(run), ProcessJob)
    assert "no image absent:1; `make build`" in told


@pytest.mark.usefixtures("no_engine")
def test_auto_without_an_engine_falls_back_and_says_why(run: Run) -> None:
    make_job, told = jobs.choose("auto", "there:1", OWNER)
    assert isinstance(make_job(run), ProcessJob)
    assert "no Docker engine answers" in told


@pytest.mark.usefixtures("no_engine")
def test_docker_without_an_engine_is_an_error_with_a_way_out() -> None:
    with pytest.raises(SettingsError, match="RUNNER=process"):
        jobs.choose("docker", "there:1", OWNER)


def test_an_unknown_runner_is_told_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="auto, docker, process"):
        jobs.choose("podman", "there:1", OWNER)


def test_a_run_can_change_between_process_and_docker(run: Run) -> None:
    place = run.tree.data / "training"
    job = DockerJob(run, Engine("true", nvidia=False, rootless=False), "it:1", OWNER)
    for _ in range(2):
        assert ProcessJob(run, ["true"]).start().wait() == 0
        assert place.resolve() == run.data
        assert job.start().wait() == 0
        assert not place.is_symlink()
        assert place.is_dir()


def test_two_runs_in_docker_have_different_names(run: Run) -> None:
    engine = Engine("true", nvidia=False, rootless=False)
    names = {DockerJob(run, engine, "it:1", OWNER).name for _ in range(10)}
    assert len(names) == 10
