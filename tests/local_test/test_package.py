import os
import tarfile
from pathlib import Path

import pytest

from imageclf.errors import ArchiveError
from local_test.package import pack_model, unpack_model


def model(folder: Path, time_s: int) -> Path:
    (folder / "code").mkdir(parents=True)
    for name in ("manifest.json", "code/handler.py", "weights.safetensors"):
        (folder / name).write_text(name)
        os.utime(folder / name, (time_s, time_s))
    return folder


def test_the_content_of_the_model_folder_lies_at_the_top(tmp_path: Path) -> None:
    archive = pack_model(model(tmp_path / "model", 0), tmp_path / "model.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert (tmp_path / "out" / "manifest.json").read_text() == "manifest.json"
    assert (tmp_path / "out" / "code" / "handler.py").read_text() == "code/handler.py"


def test_the_same_model_gives_the_same_bytes_at_any_time_and_place(tmp_path: Path) -> None:
    one = pack_model(model(tmp_path / "one", 1_000), tmp_path / "a.tar.gz")
    two = pack_model(model(tmp_path / "two", 2_000_000_000), tmp_path / "b.tar.gz")
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.tar.gz",
        "b.tar.gz",
        "one",
        "two",
    ]


def test_a_packed_model_comes_back(tmp_path: Path) -> None:
    archive = pack_model(model(tmp_path / "model", 0), tmp_path / "model.tar.gz")
    unpacked = unpack_model(archive, tmp_path / "out")
    assert (unpacked / "code" / "handler.py").read_text() == "code/handler.py"


def test_an_archive_that_leads_out_of_its_folder_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("secret")
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "file", "../outside")
    with pytest.raises(ArchiveError, match="is not safe to unpack"):
        unpack_model(tmp_path / "bad.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.tar.gz").write_bytes(content)
    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        unpack_model(tmp_path / "model.tar.gz", tmp_path / "out")


def test_an_archive_that_breaks_off_leaves_no_half_model(tmp_path: Path) -> None:
    archive = pack_model(model(tmp_path / "model", 0), tmp_path / "model.tar.gz")
    archive.write_bytes(archive.read_bytes()[:60])
    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        unpack_model(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()
