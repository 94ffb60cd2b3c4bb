"""What the image is: its entry, labels and environment, and what is not in it."""

import json
from typing import Any

import pytest

import imageclf
from tests.image.container import docker, shell

pytestmark = pytest.mark.image

IMPORTS = """
import aiohttp, onnxruntime, pkg_resources, sagemaker_inference.model_server, sagemaker_training
import smdebug.pytorch, torch
from imageclf.vision import torchvision
"""
STRANGER = ("--user", "1000:1000", "--read-only", "--tmpfs", "/tmp")  # noqa: S108


@pytest.fixture(scope="module")
def config(image: str) -> dict[str, Any]:
    (content,) = json.loads(docker("image", "inspect", image).stdout)
    found: dict[str, Any] = content["Config"]
    return found


def test_the_entry_is_the_program_itself_without_a_shell(config: dict[str, Any]) -> None:
    assert config["Entrypoint"] == ["python", "-m", "imageclf"]
    assert not config["Cmd"]


def test_sagemaker_finds_its_labels_and_port(config: dict[str, Any]) -> None:
    labels = config["Labels"]
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"
    assert labels["com.amazonaws.sagemaker.capabilities.multi-models"] == "true"
    assert labels["org.opencontainers.image.version"] == imageclf.__version__
    assert "8080/tcp" in config["ExposedPorts"]


def test_the_environment_is_set_for_training(config: dict[str, Any]) -> None:
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    assert environment["SAGEMAKER_TRAINING_MODULE"] == "imageclf.training.entry:main"
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert not environment["TORCH_HOME"].startswith("/opt/ml")


def test_the_toolkits_train_command_is_on_the_path(image: str) -> None:
    assert shell(image, "command -v train").strip() == "/opt/venv/bin/train"


def test_nothing_lies_under_opt_ml(image: str) -> None:
    assert shell(image, "find /opt/ml 2>/dev/null || true") == ""


def test_neither_secrets_nor_build_tools_nor_caches_are_left(image: str) -> None:
    left = (
        "ls -d /etc/pip.conf /run/secrets/* /root/.cache /root/.config /build /bake "
        "/var/lib/apt/lists/*_Packages /opt/venv/bin/pip 2>/dev/null || true;"
        "command -v gcc cc || true"
    )
    assert shell(image, left) == ""


def test_the_layers_name_no_secret(image: str) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image).stdout
    assert "BEGIN CERTIFICATE" not in history
    assert "index-url" not in history


def test_everything_is_compiled_ahead(image: str) -> None:
    script = (
        "import imageclf, importlib.util, os, sagemaker_training;"
        "print(all(os.path.exists(importlib.util.cache_from_source(m.__file__))"
        " for m in (imageclf, sagemaker_training)))"
    )
    assert shell(image, f'python -c "{script}"').strip() == "True"


def test_any_user_on_a_read_only_root_can_load_it_all(image: str) -> None:
    script = f"python - <<'END'\n{IMPORTS}\nprint('loaded', torch.__version__)\nEND\n"
    assert "loaded" in shell(image, script, *STRANGER)


def test_weights_can_be_kept_by_any_user_but_not_replaced(image: str) -> None:
    folder = '"$TORCH_HOME/hub/checkpoints"'
    mode = shell(image, f"touch {folder}/new && stat -c %a {folder}", "--user", "1000:1000")
    assert mode.strip() == "1777"
