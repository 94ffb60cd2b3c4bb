"""The commands of the image, as processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.data.pictures import make_folder
from tests.report.sample import write_run


def imageclf(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imageclf", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_tree_that_is_not_there_says_what_to_mount(tmp_path: Path) -> None:
    root = tmp_path / "ml"
    ended = imageclf("train", SAGEMAKER_BASE_DIR=str(root))
    assert ended.returncode == 2
    sentence = (
        f"{root}/input/config does not exist; mount a folder with input/config and input/data"
    )
    assert f"error: {sentence}" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (root / "output" / "failure").read_text().startswith(sentence)


def test_a_misspelt_hyperparameter_ends_the_training_before_it_begins(tmp_path: Path) -> None:
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text('{"epoch": "3", "lr": "fast"}')
    for name in ("inputdataconfig", "resourceconfig"):
        (config / f"{name}.json").write_text("{}")
    ended = imageclf("train", SAGEMAKER_BASE_DIR=str(tmp_path))
    assert ended.returncode == 2
    failure = (tmp_path / "output" / "failure").read_text()
    assert "Hyperparameter epoch is not known; did you mean epochs?" in failure
    assert "Hyperparameter lr is 'fast'" in failure
    assert not (tmp_path / "model").exists()


def test_a_report_is_made_anew_from_its_files(tmp_path: Path) -> None:
    write_run(tmp_path)
    ended = imageclf("report", str(tmp_path))
    assert ended.returncode == 0
    assert ended.stdout == f"{tmp_path}/report.html\n"
    assert "<html" in (tmp_path / "report.html").read_text()


def test_a_report_of_nothing_is_refused_in_a_sentence(tmp_path: Path) -> None:
    ended = imageclf("report", str(tmp_path))
    assert ended.returncode == 9
    assert ended.stderr.startswith(f"error: No report can be made of {tmp_path}: ")
    assert ended.stderr.count("\n") == 1


def test_an_unknown_command_is_answered_with_the_known_ones() -> None:
    ended = imageclf("fly")
    assert ended.returncode == 2
    assert "invalid choice: 'fly'" in ended.stderr
    assert "train" in ended.stderr
    assert "report" in ended.stderr


def test_help_names_the_commands() -> None:
    ended = imageclf("--help")
    assert ended.returncode == 0
    assert "train as SageMaker asks" in ended.stdout


def test_a_folder_of_pictures_is_looked_at_as_training_does(tmp_path: Path) -> None:
    make_folder(tmp_path, {"train/ant": 2, "train/bee": 2, "valid/ant": 1, "valid/bee": 1})
    (tmp_path / "train" / "ant" / "broken.png").write_bytes(b"none")
    told = imageclf("check-data", str(tmp_path), "max-bad-share=0.5")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Data: 2 classes; 4 training images (2 to 2 a class)")
    found = json.loads(imageclf("check-data", "--json", str(tmp_path), "max-bad-share=0.5").stdout)
    assert sorted(found["files"])[0] == "train/ant/0.png"
    assert len(found["files"]) == 6
    assert [one["file"] for one in found["left_out"]] == ["train/ant/broken.png"]
    refused = imageclf("check-data", str(tmp_path / "train" / "ant"))
    assert (refused.returncode, "class folders" in refused.stderr) == (3, True)
