from pathlib import Path

import pytest

from imageclf.errors import ArchiveError, SettingsError
from local_test import sources
from tests.local_test.range_server import Served, serve
from tests.local_test.test_archive import write_zip


def dog_zip(folder: Path, breeds: int) -> bytes:
    members = {f"dogImages/train/{n:03}.Breed_{n}/{n}.jpg": b"picture" for n in range(breeds)}
    return write_zip(folder / "dogs-source.zip", members).read_bytes()


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


def test_dogs_are_fetched_once_and_the_archive_goes(tmp_path: Path) -> None:
    with serve(Served(dog_zip(tmp_path, 3))) as served:
        for _ in range(2):
            folder = sources.fetch_dogs(tmp_path / "cache", served.url, breeds=3)
    assert len(list(folder.glob("dogImages/train/*/*.jpg"))) == 3
    assert len(served.requests) == 1
    assert not (tmp_path / "cache" / "dogImages.zip").exists()


def test_other_data_at_the_dogs_address_is_refused(tmp_path: Path) -> None:
    with (
        serve(Served(dog_zip(tmp_path, 2))) as served,
        pytest.raises(ArchiveError, match="holds 2 breeds"),
    ):
        sources.fetch_dogs(tmp_path / "cache", served.url, breeds=3)
    assert not (tmp_path / "cache" / "dogs").exists()
