import io
from pathlib import Path

import pytest
from PIL import Image

from imageclf.errors import SettingsError
from scripts import pictures


def test_a_folder_stands_for_the_pictures_in_it(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in pictures.named([str(tmp_path)])] == ["a.png", "b.JPG"]


def test_a_named_file_is_taken_whatever_its_name_is(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"x")
    assert pictures.named([str(tmp_path / "photo")]) == [tmp_path / "photo"]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="absent"):
        pictures.named([str(tmp_path / "absent")])


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no picture"):
        pictures.named([str(tmp_path)])


def test_below_goes_into_subfolders(tmp_path: Path) -> None:
    (tmp_path / "ants").mkdir()
    (tmp_path / "ants" / "one.jpg").write_bytes(b"x")
    assert pictures.below(tmp_path) == [tmp_path / "ants" / "one.jpg"]


def test_the_made_up_picture_is_a_picture() -> None:
    assert Image.open(io.BytesIO(pictures.made_up_jpeg(48))).size == (48, 48)
