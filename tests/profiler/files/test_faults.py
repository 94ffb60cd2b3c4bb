import errno
import os
from pathlib import Path

import pytest

from imageclf.profiler import names
from imageclf.profiler.files import faults
from imageclf.profiler.files.faults import Faults


def test_what_was_said_is_read_once_each(tmp_path: Path) -> None:
    said = Faults(tmp_path, "system-a")
    for sentence in ("The disk is full.", "A GPU\nhas failed.", "The disk is full.", ""):
        said.say(sentence)
    said.close()
    assert faults.read(tmp_path) == ["The disk is full.", "A GPU has failed."]


def test_nothing_is_left_when_nothing_was_said(tmp_path: Path) -> None:
    said = Faults(tmp_path, "system-a")
    assert faults.read(tmp_path) == []
    said.close()
    assert not list((tmp_path / names.FAULTS).iterdir())


def test_the_place_for_sentences_is_taken_before_the_disk_is_full(tmp_path: Path) -> None:
    said = Faults(tmp_path, "system-a")
    (path,) = (tmp_path / names.FAULTS).iterdir()
    size = path.stat().st_size
    said.say("The disk is full. " * 200)
    assert path.stat().st_size == size


def test_a_disk_that_takes_nothing_at_all_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    said = Faults(tmp_path / "a", "system-a")
    monkeypatch.setattr(os, "pwrite", full)
    said.say("Something is wrong.")
    (tmp_path / "b").write_text("no folder")
    Faults(tmp_path / "b", "system-a").say("Something is wrong.")


def test_a_file_of_faults_with_any_bytes_is_read(tmp_path: Path) -> None:
    folder = tmp_path / names.FAULTS
    folder.mkdir()
    (folder / "x.txt").write_bytes(b"\xff\xfe\0\0  \n" + b"a" * 10**6)
    (folder / "y.txt").symlink_to("/etc/passwd")
    assert len("".join(faults.read(tmp_path))) < 3000
