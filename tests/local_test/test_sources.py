from pathlib import Path

import pytest

from imageclf.errors import SettingsError
from local_test import sources


def test_no_name_means_digits_made_once(tmp_path: Path) -> None:
    source = sources.find("", tmp_path)
    (source.folder / "mark").touch()
    again = sources.find("digits", tmp_path)
    assert again.folder == source.folder == tmp_path / "digits"
    assert (again.folder / "mark").exists()


def test_a_folder_is_taken_as_it_is_with_the_usual_hyperparameters(tmp_path: Path) -> None:
    source = sources.find(str(tmp_path), tmp_path / "cache")
    assert (source.name, source.folder, dict(source.hyperparameters)) == (
        tmp_path.name,
        tmp_path,
        {},
    )


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere is not a folder"):
        sources.find(str(tmp_path / "nowhere"), tmp_path)
