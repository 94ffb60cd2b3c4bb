import json
from pathlib import Path

import pytest

from bench.serving.contenders import Contender, Layout, contender
from imageclf.errors import SettingsError


def test_a_peer_gets_one_worker_with_all_cores_and_ours_chooses() -> None:
    assert contender("mms", cores=4) == Contender("mms", Layout(1, 4))
    assert contender("imageclf", cores=4) == Contender("imageclf", None)


def test_workers_and_threads_can_be_written() -> None:
    one = contender("imageclf@2x1", cores=4)
    assert one.environment() == {"IMAGECLF_WORKERS": "2", "IMAGECLF_THREADS": "1"}
    assert one.title == "imageclf@2x1"


@pytest.mark.parametrize("text", ["nginx", "mms@2", "mms@2x", ""])
def test_anything_else_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(SettingsError, match="mms@2x1"):
        contender(text, cores=2)


def test_ours_is_started_as_the_image_starts_it(tmp_path: Path) -> None:
    plan = contender("imageclf", cores=2).plan(tmp_path, port=1234)
    assert plan.command[1:] == ["-m", "imageclf", "serve"]
    assert plan.environment == {"SAGEMAKER_BASE_DIR": str(tmp_path), "IMAGECLF_PORT": "1234"}
    assert plan.ping == "/ping"


@pytest.mark.parametrize("name", ["mms", "torchserve"])
def test_a_server_on_java_gets_its_workers_by_its_configuration(tmp_path: Path, name: str) -> None:
    contender(f"{name}@3x1", cores=2).plan(tmp_path, port=1234)
    written = (tmp_path / name / "config.properties").read_text()
    assert "default_workers_per_model=3\n" in written
    assert "inference_address=http://127.0.0.1:1234\n" in written


def test_torchserve_finds_its_handler_in_the_archive(tmp_path: Path) -> None:
    contender("torchserve", cores=2).plan(tmp_path, port=1234)
    folder = tmp_path / "torchserve" / "store" / "model"
    manifest = json.loads((folder / "MAR-INF" / "MANIFEST.json").read_text())
    assert (folder / manifest["model"]["handler"]).is_file()
