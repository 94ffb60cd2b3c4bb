"""The file by which a rule stops the training that it runs beside."""

import json
from pathlib import Path

import pytest

from imageclf.rules.actions.base import Job
from imageclf.rules.actions.stop import Stop
from tests.rules.actions.events import event


def test_the_training_finds_a_whole_file_with_rule_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "output" / "rule-stop.json"
    assert "was asked to stop" in Stop().fire(event(file))
    assert json.loads(file.read_text()) == {
        "rule": "Overfit",
        "reason": "The validation loss lies 31 % above the training loss at step 120.",
    }
    assert list(file.parent.iterdir()) == [file]


def test_the_first_rule_that_asks_gives_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "rule-stop.json"
    Stop().fire(event(file))
    again = Stop().fire(event(file, found="Another fault."))
    assert "asked to stop before" in again
    assert "Another fault" not in file.read_text()


@pytest.mark.parametrize("prefix", ["", "insects-7", "insects"])
def test_a_prefix_that_means_this_job_stops_it_by_the_file(tmp_path: Path, prefix: str) -> None:
    Stop(prefix).fire(event(tmp_path / "stop"))
    assert (tmp_path / "stop").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = Stop().fire(event(tmp_path / "file" / "stop"))
    assert told.startswith("The training could not be asked to stop: ")
    assert told.endswith("make room, or stop it by hand.")


def test_without_file_and_without_job_it_says_what_is_missing() -> None:
    assert "set TRAINING_JOB_NAME" in Stop().fire(event(job=Job()))
