"""Tensors of two runs never lie in one folder."""

from pathlib import Path

import pytest

from imageclf.debugger.hook import tensor_folder
from imageclf.errors import SettingsError, TensorsError


def save(folder: Path, *steps: int, worker: str = "worker_0") -> None:
    """Files as the hook writes them, by their names."""
    for step in steps:
        events = folder / "events" / f"{step:012d}" / f"{step:012d}_{worker}.tfevents"
        index = folder / "index" / f"{step // 1000:09d}" / f"{step:012d}_{worker}.json"
        for path in (events, index):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("content")
    (folder / "collections" / "000000000").mkdir(parents=True, exist_ok=True)


def saved(folder: Path) -> list[int]:
    """Steps that have both files."""
    parts = (("events", ".tfevents"), ("index", ".json"))
    found = [
        {int(path.name.split("_")[0]) for path in (folder / part).glob(f"*/*{suffix}")}
        for part, suffix in parts
    ]
    assert found[0] == found[1]
    return sorted(found[0])


def test_a_run_begins_with_an_empty_folder(tmp_path: Path) -> None:
    folder = tmp_path / "output" / "tensors"
    tensor_folder.prepare(folder, "one", None, own=True)
    assert folder.is_dir()
    assert saved(folder) == []


def test_what_an_earlier_run_left_in_the_jobs_own_folder_is_removed(tmp_path: Path) -> None:
    tensor_folder.prepare(tmp_path, "one", None, own=True)
    save(tmp_path, 0, 10, 1010)
    tensor_folder.end(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    tensor_folder.prepare(tmp_path, "one", None, own=True)
    assert saved(tmp_path) == []
    assert not (tmp_path / "training_job_end.ts").exists()
    assert not (tmp_path / "collections").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_anywhere_else_it_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    save(tmp_path, 0)
    with pytest.raises(SettingsError, match="another run; empty it, or name another folder"):
        tensor_folder.prepare(tmp_path, "one", None, own=False)
    assert saved(tmp_path) == [0]


def test_a_run_goes_on_where_its_checkpoint_stands(tmp_path: Path) -> None:
    tensor_folder.prepare(tmp_path, "one", None, own=True)
    save(tmp_path, 0, 10, 20, 30)
    save(tmp_path, 0, 10, 20, 30, worker="worker_1")
    tensor_folder.end(tmp_path)
    tensor_folder.prepare(tmp_path, "one", 20, own=False)
    assert saved(tmp_path) == [0, 10]
    assert not (tmp_path / "training_job_end.ts").exists()


def test_a_run_goes_on_without_what_belongs_to_another(tmp_path: Path) -> None:
    tensor_folder.prepare(tmp_path, "one", None, own=True)
    save(tmp_path, 0, 10)
    tensor_folder.prepare(tmp_path, "two", 5, own=True)
    assert saved(tmp_path) == []


def test_a_damaged_mark_counts_as_another_run(tmp_path: Path) -> None:
    save(tmp_path, 0)
    (tmp_path / "run.json").write_bytes(b"\xff{")
    tensor_folder.prepare(tmp_path, "one", 5, own=True)
    assert saved(tmp_path) == []


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TensorsError, match=r"cannot be written to .* no tensors are saved"):
        tensor_folder.prepare(tmp_path / "file" / "tensors", "one", None, own=True)
