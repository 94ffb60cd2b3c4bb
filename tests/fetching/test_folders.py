import subprocess
import sys
from pathlib import Path

import pytest

from fetching.folders import locked, make_folder


def test_a_folder_appears_only_when_it_is_full(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"

    def fill(folder: Path) -> None:
        (folder / "file").write_text("content")
        assert not target.exists()

    assert (make_folder(target, fill) / "file").read_text() == "content"


def test_a_failed_filling_leaves_no_folder_and_the_next_one_starts_clean(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        make_folder(tmp_path / "folder", fail)
    assert not (tmp_path / "folder").exists()
    make_folder(tmp_path / "folder", lambda folder: (folder / "whole").touch())
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["whole"]


def test_what_a_killed_process_left_half_written_is_not_taken_for_whole(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from fetching.folders import make_folder;"
        "make_folder(Path(sys.argv[1]), lambda f: ((f / 'half').touch(), os.kill(os.getpid(), 9)))"
    )
    killed = subprocess.run([sys.executable, "-c", program, tmp_path / "folder"], check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "folder").exists()
    make_folder(tmp_path / "folder", lambda folder: (folder / "whole").touch())
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["whole"]


def test_a_lock_keeps_others_out_until_it_is_given_back(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "it"),
        pytest.raises(BlockingIOError),
        locked(tmp_path / "it", wait=False),
    ):
        raise AssertionError("two hold the lock")
    with locked(tmp_path / "it", wait=False):
        assert True
