from pathlib import Path

import pytest

from local_test import docker
from local_test.docker import Engine
from local_test.run_folder import Run
from tests.local_test import fake_docker

PLAIN = {"ServerVersion": "20.10", "Runtimes": {"runc": {}}, "SecurityOptions": ["name=seccomp"]}
SILENT = {"ServerVersion": "", "ServerErrors": ["Cannot connect"]}
NAME = "imageclf-1"


def test_the_first_engine_that_answers_is_taken(tmp_path: Path) -> None:
    path = f"{fake_docker.put(tmp_path / 'a', SILENT)}:{fake_docker.put(tmp_path / 'b', PLAIN)}"
    assert docker.find_engine({"PATH": path}) == Engine(
        f"{tmp_path}/b/docker", nvidia=False, rootless=False
    )


def test_no_client_or_no_engine_is_no_engine(tmp_path: Path) -> None:
    assert docker.find_engine({"PATH": str(tmp_path)}) is None
    assert docker.find_engine({"PATH": fake_docker.put(tmp_path / "a", SILENT)}) is None


def test_the_nvidia_runtime_and_a_rootless_engine_are_seen(tmp_path: Path) -> None:
    info = PLAIN | {"Runtimes": {"nvidia": {}}, "SecurityOptions": ["name=rootless"]}
    engine = docker.find_engine({"PATH": fake_docker.put(tmp_path / "a", info)})
    assert engine is not None
    assert engine.nvidia
    assert engine.rootless


def test_a_client_named_by_docker_is_the_only_one_asked(tmp_path: Path) -> None:
    fake_docker.put(tmp_path / "a", SILENT)
    path = fake_docker.put(tmp_path / "b", PLAIN)
    assert docker.find_engine({"PATH": path, "DOCKER": f"{tmp_path}/a/docker"}) is None
    assert docker.find_engine({"PATH": "", "DOCKER": f"{tmp_path}/b/docker"}) is not None


def test_an_image_is_there_or_not(tmp_path: Path) -> None:
    engine = docker.find_engine({"PATH": fake_docker.put(tmp_path / "a", PLAIN)})
    assert engine is not None
    assert engine.has_image("there:1")
    assert not engine.has_image("absent:1")


def test_a_run_mounts_data_read_only_and_belongs_to_the_caller(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", tmp_path / "data", tmp_path / "w.pth")
    command = docker.run_command(Engine("docker", False, False), "it:1", run, (12, 34), NAME)
    text = " ".join(command)
    assert f"--volume {tmp_path}/run:/opt/ml " in text
    assert f"--volume {tmp_path}/data:/opt/ml/input/data/training:ro" in text
    assert f"--volume {tmp_path}/w.pth:/opt/ml/input/data/pretrained/w.pth:ro" in text
    assert "--user 12:34" in text
    assert text.endswith("it:1 train")
    assert "--gpus" not in command


@pytest.mark.parametrize(("nvidia", "rootless"), [(True, False), (False, True)])
def test_gpus_and_rootless_engines_get_their_flags(
    tmp_path: Path, nvidia: bool, rootless: bool
) -> None:
    run = Run(tmp_path / "run", tmp_path / "data")
    command = docker.run_command(Engine("docker", nvidia, rootless), "it:1", run, (12, 34), NAME)
    assert ("--gpus" in command) == nvidia
    assert (command[command.index("--user") + 1] == "0:0") == rootless


def test_an_answer_that_is_not_json_is_no_engine(tmp_path: Path) -> None:
    path = fake_docker.put(tmp_path / "a", {})
    (tmp_path / "a" / "info.json").write_text("Cannot connect\n")
    assert docker.find_engine({"PATH": path}) is None


def serve_command(engine: Engine) -> str:
    models = {"/opt/ml/model": Path("/m")}
    settings = {"IMAGECLF_PORT": "8081"}
    command = docker.serve_command(
        engine, "it:1", (12, 34), NAME, port=8081, models=models, settings=settings
    )
    return " ".join(command)


def test_a_server_gets_its_model_read_only_and_this_machine_alone_reaches_it(
    tmp_path: Path,
) -> None:
    client = f"{fake_docker.put(tmp_path / 'a', PLAIN)}/docker"
    text = serve_command(Engine(client, nvidia=False, rootless=False))
    assert "--volume /m:/opt/ml/model:ro" in text
    assert "--publish 127.0.0.1:8081:8081" in text
    assert "--env IMAGECLF_PORT=8081" in text
    assert "--user 12:34" in text
    assert text.endswith("it:1 serve")


def test_where_ports_cannot_be_published_the_network_is_the_hosts(tmp_path: Path) -> None:
    text = serve_command(Engine("false", nvidia=False, rootless=False))
    assert "--network host --env IMAGECLF_HOST=127.0.0.1" in text
    assert "--publish" not in text
