import json
from pathlib import Path

import pytest

from imageclf.errors import SettingsError
from scripts.hyperparameters import gather


def test_the_command_goes_before_the_file_and_that_before_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "best.json"
    file.write_text(json.dumps({"hyperparameters": {"lr": "0.01", "epochs": "4"}}))
    found = gather({"lr": 0.1, "units": 256, "onnx": False}, file, ["epochs=2"])
    assert found == {"lr": "0.01", "units": "256", "onnx": "false", "epochs": "2"}


def test_a_plain_object_of_names_and_values_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"batch_size": 64}')
    assert gather({}, file, []) == {"batch-size": "64"}


def test_a_misspelt_hyperparameter_is_told_before_anything_is_sent() -> None:
    with pytest.raises(SettingsError, match="epoch is not known; did you mean epochs"):
        gather({}, None, ["epoch=3"])


@pytest.mark.parametrize("content", ["[]", '{"hyperparameters": {"lr": [1]}}', "none"])
def test_a_file_without_hyperparameters_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "best.json").write_text(content)
    with pytest.raises(SettingsError, match=r"name a file that tune\.sh wrote"):
        gather({}, tmp_path / "best.json", [])


def test_a_word_that_is_no_name_and_value_is_told() -> None:
    with pytest.raises(SettingsError, match="The command has 'epochs', which is not name=value"):
        gather({}, None, ["epochs"])
