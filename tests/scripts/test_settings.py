import re
from pathlib import Path
from typing import Any

import pytest

from imageclf.errors import SettingsError
from scripts import settings
from scripts.sections import Settings

EXAMPLES: dict[str, Any] = {
    **dict.fromkeys(("tags", "environment", "hyperparameters", "spaces", "prices"), True),
    "deploy": {"environment": True},
}
"""Fields whose lines in the file show what one may write, not a default."""


def write(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


def test_flags_go_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "[train]\ninstances = 2\nvolume_gb = 60\nmax_run_minutes = 5\n")
    environment = {
        "IMAGECLF_LAUNCH_TRAIN_INSTANCES": "3",
        "IMAGECLF_LAUNCH_TRAIN_VOLUME_GB": "70",
    }
    found = settings.load({"train.instances": "4"}, environment, file).train
    assert (found.instances, found.volume_gb, found.max_run_minutes) == (4, 70, 5)


def test_what_the_file_shows_as_defaults_are_the_defaults(tmp_path: Path) -> None:
    shown = re.sub(
        r'^# (\[|"?[\w.-]+"? = )', r"\1", settings.DEFAULT_FILE.read_text(), flags=re.MULTILINE
    )
    found = settings.load({}, {}, write(tmp_path, shown))
    assert found.model_dump(exclude=EXAMPLES) == Settings().model_dump(exclude=EXAMPLES)
    named = {line.split(" = ")[0] for line in shown.splitlines() if " = " in line}
    assert {path.rpartition(".")[2] for path in settings.leaves()} - EXAMPLES.keys() <= named


def test_the_file_as_it_comes_changes_nothing() -> None:
    assert settings.load({}, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[train]\ninstance = 2\n", r"train\.instance is not a setting; did you mean instances\?"),
        ("[trian]\nspot = true\n", r"trian is not a setting; did you mean train\?"),
        ("[train]\ninstances = 0\n", r"train\.instances is 0: input should be greater than"),
        ("[train]\nspot = true\nmax_wait_minutes = 1\n", "at least as long as it may run"),
        ("[spaces.mine]\nlr = { min = 1 }\n", r"spaces\.mine\.lr: give min and max, or values"),
        ("[train\n", "is not valid TOML"),
    ],
)
def test_a_fault_in_the_file_names_file_field_and_value(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingsError, match=told) as raised:
        settings.load({}, {}, write(tmp_path, text))
    assert str(tmp_path / "mine.toml") in str(raised.value)


def test_a_fault_in_a_flag_or_a_variable_names_it() -> None:
    environment = {"IMAGECLF_LAUNCH_TUNE_JOBS": "many"}
    with pytest.raises(SettingsError) as raised:
        settings.load({"train.instances": "-1"}, environment)
    assert "--instances: train.instances is '-1'" in str(raised.value)
    assert "IMAGECLF_LAUNCH_TUNE_JOBS: tune.jobs is 'many'" in str(raised.value)


def test_a_misspelt_variable_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(SettingsError, match=r"did you mean IMAGECLF_LAUNCH_TRAIN_SPOT\?"):
        settings.load({}, {"IMAGECLF_LAUNCH_TRIAN_SPOT": "1"})


def test_names_and_values_come_from_a_variable_and_add_to_those_of_the_file(
    tmp_path: Path,
) -> None:
    file = write(tmp_path, "[hyperparameters]\nepochs = 2\nlr = 0.1\n")
    environment = {"IMAGECLF_LAUNCH_HYPERPARAMETERS": "epochs=5 architecture='resnet 18'"}
    found = settings.load({}, environment, file).hyperparameters
    assert found == {"epochs": "5", "lr": 0.1, "architecture": "resnet 18"}


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name a readable file with --settings"):
        settings.load({}, {"IMAGECLF_LAUNCH_SETTINGS": str(tmp_path / "none.toml")})
