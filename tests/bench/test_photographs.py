from pathlib import Path

from PIL import Image

from bench.serving.photographs import COUNT, gather


def test_photographs_are_made_up_where_there_are_none(tmp_path: Path) -> None:
    gather(None, tmp_path / "pictures")
    paths = sorted((tmp_path / "pictures").iterdir())
    assert len(paths) == COUNT
    with Image.open(paths[0]) as image:
        assert (image.format, image.size) == ("JPEG", (500, 375))


def test_only_jpeg_files_are_taken_evenly_from_all_folders(tmp_path: Path) -> None:
    for label in ("ants", "bees"):
        (tmp_path / label).mkdir()
        for number in range(COUNT):
            Image.new("RGB", (8, 8)).save(tmp_path / label / f"{number:03}.jpg")
    (tmp_path / "ants" / "other.jpg").write_bytes(b"GIF89a")
    gather(tmp_path, tmp_path / "pictures")
    assert len(list((tmp_path / "pictures").iterdir())) == COUNT
