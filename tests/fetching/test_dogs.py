from pathlib import Path

import pytest

from fetching.dogs import fetch_dogs
from imageclf.errors import ArchiveError
from tests.fetching.range_server import Served, serve
from tests.fetching.test_archive import write_zip


def dog_zip(folder: Path, breeds: int) -> bytes:
    members = {f"dogImages/train/{n:03}.Breed_{n}/{n}.jpg": b"picture" for n in range(breeds)}
    return write_zip(folder / "dogs-source.zip", members).read_bytes()


def test_dogs_are_fetched_once_and_the_archive_goes(tmp_path: Path) -> None:
    with serve(Served(dog_zip(tmp_path, 3))) as served:
        for _ in range(2):
            folder = fetch_dogs(tmp_path / "cache", served.url, breeds=3)
    assert len(list(folder.glob("dogImages/train/*/*.jpg"))) == 3
    assert len(served.requests) == 1
    assert not (tmp_path / "cache" / "dogImages.zip").exists()


def test_other_data_at_the_dogs_address_is_refused(tmp_path: Path) -> None:
    with (
        serve(Served(dog_zip(tmp_path, 2))) as served,
        pytest.raises(ArchiveError, match="holds 2 breeds"),
    ):
        fetch_dogs(tmp_path / "cache", served.url, breeds=3)
    assert not (tmp_path / "cache" / "dogs").exists()
