"""Instances as containers: the command line; no engine is needed to judge it."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from local_test import docker
from local_test.cloud.machines import container, images
from local_test.cloud.machines.machine import UnusableImageError
from local_test.cloud.settings import CloudSettings
from tests.local_test import fake_docker
from tests.local_test.cloud.machines.containers import shell

OURS = "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:v1"
ENGINE = docker.Engine("docker", nvidia=True, rootless=False)


def command(tmp_path: Path, **more: Any) -> list[str]:
    made = shell(tmp_path / "one", "", **more)
    settings = CloudSettings(root=tmp_path, port=4577)
    return container.run_command(ENGINE, "imageclf:latest", settings, made, (1000, 100))


def following(command: list[str], option: str) -> list[str]:
    return [value for before, value in pairwise(command) if before == option]


def test_the_image_runs_with_the_jobs_folder_as_opt_ml(tmp_path: Path) -> None:
    (tmp_path / "one" / "ml" / "input").mkdir(parents=True)
    line = command(
        tmp_path, arguments=("train",), entrypoint=(), read_only=("input", "absent"), host="algo-1"
    )
    assert line[:2] == ["docker", "run"]
    assert line[-2:] == ["imageclf:latest", "train"]
    ml = tmp_path / "one" / "ml"
    assert following(line, "--volume") == [f"{ml}:/opt/ml", f"{ml}/input:/opt/ml/input:ro"]
    assert following(line, "--network") == ["host"]
    assert following(line, "--add-host") == ["algo-1:127.0.0.1"]
    assert following(line, "--user") == ["1000:100"]
    assert following(line, "--gpus") == ["all"]
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:4577" in following(line, "--env")


def test_an_entry_point_of_the_request_takes_the_place_of_the_images(tmp_path: Path) -> None:
    line = command(tmp_path, entrypoint=("python", "-u"), arguments=("train.py", "--epochs", "2"))
    assert following(line, "--entrypoint") == ["python"]
    assert line[-5:] == ["imageclf:latest", "-u", "train.py", "--epochs", "2"]


def test_a_server_keeps_to_this_machine_and_to_its_port(tmp_path: Path) -> None:
    variables = following(command(tmp_path, port=8123), "--env")
    assert {"SAGEMAKER_BIND_TO_PORT=8123", "IMAGECLF_HOST=127.0.0.1"} <= set(variables)


def test_a_process_runs_our_image_of_any_registry_and_tag_and_no_other(tmp_path: Path) -> None:
    settings = CloudSettings(root=tmp_path, runner="process")
    for image in (OURS, "imageclf", "imageclf:latest", "registry:5000/imageclf@sha256:ab"):
        assert images.place(settings, image) is None
    for image in ("xgboost:1", "imageclf-other", "imageclf/other:1"):
        with pytest.raises(UnusableImageError, match="cannot be run as a process: only imageclf"):
            images.check(settings, image)


def test_docker_that_is_asked_for_and_not_there_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "_engine", lambda: None)
    with pytest.raises(UnusableImageError, match="No Docker engine answers"):
        images.check(CloudSettings(root=tmp_path, runner="docker"), "imageclf")


def test_an_engine_runs_the_image_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fake_docker.put(tmp_path / "bin", json.loads('{"ServerVersion": "28"}'))
    engine = docker.find_engine({"PATH": path})
    assert engine is not None
    monkeypatch.setattr(images, "_engine", lambda: engine)
    settings = CloudSettings(root=tmp_path, runner="auto", image="there:1")
    assert images.place(settings, "there:1") == (engine, "there:1")
    assert images.place(settings, "registry/there:2") == (engine, "there:1")
    with pytest.raises(UnusableImageError):
        images.place(settings, "absent:1")
