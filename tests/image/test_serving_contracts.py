"""The image keeps the hosting contracts, and `make local-serve` serves with it."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from imageclf.errors import EndpointError
from local_test import predict, wire
from local_test.conformance import __main__ as conformance
from local_test.pictures import made_up_jpeg
from local_test.serve_settings import free_port
from local_test.serving_folder import ServingFolder
from tests.image.container import DOCKER, docker
from tests.serving.artifacts import write_artifact

pytestmark = pytest.mark.image

LAUNCHER = """
import sys
from pathlib import Path
from local_test.serve import main
sys.exit(main(home=Path(sys.argv[1])))
"""
PATIENCE_S = 120


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two small models."""
    folder = tmp_path_factory.mktemp("models")
    folder.chmod(0o755)  # the server in the container is another user
    write_artifact(folder / "insects", name="insects")
    write_artifact(folder / "birds", name="birds", classes=("Jay", "Owl"), seed=1)
    return folder


@pytest.fixture
def container() -> Iterator[str]:
    name = f"imageclf-test-{uuid.uuid4().hex[:12]}"
    yield name
    docker("rm", "--force", name, check=False)


def start(image: str, name: str, *options: str) -> str:
    """`docker run IMAGE serve` as another user on a read-only root; its address once it answers."""
    port = free_port(0)
    docker(
        *("run", "--detach", "--name", name, "--network", "host"),
        *("--user", "1000:1000", "--read-only", "--tmpfs", "/tmp"),  # noqa: S108
        *("--env", f"SAGEMAKER_BIND_TO_PORT={port}", *options, image, "serve"),
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE_S
    while not is_ready(url):
        running = docker("inspect", "--format", "{{.State.Running}}", name).stdout.strip()
        assert running == "true", docker("logs", name).stdout
        assert time.monotonic() < deadline, docker("logs", name).stdout
        time.sleep(0.2)
    return url


def is_ready(url: str) -> bool:
    try:
        return wire.ask(url, "GET", "/ping", timeout_s=2).status == 200
    except EndpointError:
        return False


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER", DOCKER)


@pytest.mark.usefixtures("client")
def test_it_keeps_the_contract_of_one_model(
    image: str, models: Path, container: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = start(image, container, "--volume", f"{models / 'insects'}:/opt/ml/model:ro")
    code = conformance.main([url, "--container", container])
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "with exit code 0" in printed


@pytest.mark.usefixtures("client")
def test_it_keeps_the_contract_of_several_models(
    image: str, models: Path, container: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--volume", f"{models}:/opt/ml/models:ro", "--env", "SAGEMAKER_MULTI_MODEL=true")
    url = start(image, container, *options)
    folders = ["/opt/ml/models/insects", "/opt/ml/models/birds"]
    code = conformance.main([url, "--multi-model", *folders, "--container", container])
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "with exit code 0" in printed


@pytest.mark.usefixtures("client")
def test_local_serve_in_docker_is_asked_and_leaves_no_container(
    image: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(made_up_jpeg())
    wanted = {"RUNNER": "docker", "IMAGE": image, "PORT": "0", "MODEL": str(models / "insects")}
    kept = {name: text for name, text in os.environ.items() if not name.startswith("IMAGECLF_")}
    child = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, tmp_path],
        env=kept | wanted,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert child.stdout is not None
    printed = ""
    for line in child.stdout:
        printed += line
        if "Stop it" in line:
            break
    state = ServingFolder(tmp_path / "run" / "serving").running()
    assert state is not None, printed
    assert predict.main([str(tmp_path / "a.jpg")], {}, home=tmp_path) == 0
    assert "Bees" in capsys.readouterr().out
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, printed + output
    assert state.container not in docker("ps", "--all", "--format", "{{.Names}}").stdout
