import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from imageclf.contract import Resources
from imageclf.errors import SettingsError
from local_test import run_folder

NOW = datetime(2026, 11, 20, 9, 5, 7)


def config_file(run: run_folder.Run, name: str) -> Any:
    return json.loads((run.folder / "input" / "config" / f"{name}.json").read_text())


def test_a_run_mirrors_opt_ml_with_values_as_strings(tmp_path: Path) -> None:
    run = run_folder.create(tmp_path / "run", "ants & bees", tmp_path, {"epochs": "3"}, NOW)
    assert run.folder.name == "20261120-090507-ants-bees"
    assert config_file(run, "hyperparameters") == {"epochs": "3"}
    assert list(config_file(run, "inputdataconfig")) == ["training"]
    assert Resources.from_tree(run.tree).hosts == ("localhost",)
    for folder in ("input/data", "model", "output/data", "checkpoints"):
        assert (run.folder / folder).is_dir()


def test_latest_leads_to_the_run_started_last(tmp_path: Path) -> None:
    runs = [run_folder.create(tmp_path, name, tmp_path, {}, NOW) for name in ("a", "b", "b")]
    assert len({run.folder for run in runs}) == 3
    assert run_folder.latest(tmp_path) == runs[-1]
    assert (tmp_path / "latest").readlink() == Path(runs[-1].folder.name)


def test_a_file_of_weights_becomes_a_channel(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.touch()
    run = run_folder.create(tmp_path / "run", "a", tmp_path, {"pretrained": str(weights)}, NOW)
    assert config_file(run, "hyperparameters") == {"pretrained": "pretrained"}
    assert run.inputs == {"training": tmp_path, "pretrained/weights.pth": weights}
    assert run_folder.latest(tmp_path / "run").weights == weights


def test_without_a_run_there_is_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="start one without RESUME"):
        run_folder.latest(tmp_path)
