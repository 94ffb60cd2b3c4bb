"""Files that are damaged, or meant to do harm."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imageclf.debugger.tensors.run import Run
from imageclf.errors import TensorsError
from tests.debugger.tensors.saving import REDUCTIONS, save_collections, save_step
from tests.debugger.tensors.test_fresh import events_of, index_of

Content = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Step 0 has values `a` and `b` and a statistic of `c`; step 1 likewise."""
    path = tmp_path / "run"
    for step in (0, 1):
        saved = {"a": [1.0], "b": [2.0], f"{REDUCTIONS}mean/c": 3.0, f"{REDUCTIONS}mean/d": 4.0}
        save_step(path, step, saved)
    return path


def read(folder: Path) -> tuple[Run, list[list[str]]]:
    run = Run(folder)
    run.refresh()
    return run, [sorted(each.name for each in step.tensors) for step in run.steps()]


def spoil(folder: Path, change: Callable[[Content], None]) -> None:
    path = index_of(folder, 0)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


ENTRIES: dict[str, Callable[[Content], None]] = {
    "gigabytes": lambda entry: entry.update(length=1 << 34),
    "beyond any number": lambda entry: entry.update(length=1 << 80),
    "negative": lambda entry: entry.update(start_idx=-5),
    "text for a number": lambda entry: entry.update(length="12"),
    "not an entry": lambda entry: entry.clear(),
    "another's place": lambda entry: entry.update(start_idx=0),
    "no name": lambda entry: entry.update(tensorname=""),
    "number for a name": lambda entry: entry.update(tensorname=7),
}


@pytest.mark.parametrize("position", [1, 3], ids=["values", "statistic"])
@pytest.mark.parametrize("change", ENTRIES.values(), ids=ENTRIES)
def test_what_an_index_says_wrongly_is_left_out(
    folder: Path, change: Callable[[Content], None], position: int
) -> None:
    spoil(folder, lambda content: change(content["tensor_payload"][position]))
    run, steps = read(folder)
    assert steps[-1] == ["a", "b", "c", "d"]
    assert run.left_out >= 1
    assert len(run.notes) == 1


INDICES: dict[str, Callable[[Content], Any]] = {
    "no meta": lambda content: content.pop("meta"),
    "meta is a list": lambda content: content.update(meta=[]),
    "no mode": lambda content: content["meta"].update(mode="DREAM"),
    "mode is a number": lambda content: content["meta"].update(mode=1),
    "step is no number": lambda content: content["meta"].update(mode_step="1e9"),
    "endless step": lambda content: content["meta"].update(mode_step="9" * 5000),
    "no events": lambda content: content["meta"].pop("event_file_name"),
    "events is a folder": lambda content: content["meta"].update(event_file_name="events"),
    "events above": lambda content: content["meta"].update(event_file_name="../../etc/passwd"),
    "events absolute": lambda content: content["meta"].update(event_file_name="/etc/passwd"),
    "events with a null": lambda content: content["meta"].update(event_file_name="a\0b"),
    "endless name": lambda content: content["meta"].update(event_file_name="x" * 70_000),
    "a device": lambda content: content["meta"].update(event_file_name="/dev/zero"),
}


@pytest.mark.parametrize("change", INDICES.values(), ids=INDICES)
def test_a_step_whose_index_is_damaged_is_left_out(
    folder: Path, change: Callable[[Content], Any]
) -> None:
    spoil(folder, change)
    run, steps = read(folder)
    assert steps == [["a", "b", "c", "d"]]
    assert run.left_out == 1
    assert "Step 0 of worker_0 could not be read" in run.notes[0]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"[" * 200_000, b'{"meta": ', b"\xff\xfe\x00", b'{"a": NaN}'],
    ids=lambda content: repr(content[:8]),
)
def test_an_index_that_is_none_is_left_out(folder: Path, content: bytes) -> None:
    index_of(folder, 0).write_bytes(content)
    run, steps = read(folder)
    assert (steps, run.left_out) == ([["a", "b", "c", "d"]], 1)


def test_sections_of_another_kind_hold_nothing(folder: Path) -> None:
    spoil(folder, lambda content: content.update(tensor_payload={"a": 1}, shape_payload=[1, None]))
    _, steps = read(folder)
    assert steps == [[], ["a", "b", "c", "d"]]


@pytest.mark.parametrize("shape", [[-1], [1 << 60], ["2"], "2x3", [2] * 40, [2.5]])
def test_a_shape_that_cannot_be_is_not_believed(tmp_path: Path, shape: Any) -> None:
    save_step(tmp_path, 0, {f"{REDUCTIONS}sum/c": 3.0}, shapes={"c": (2,)})
    spoil(tmp_path, lambda content: content["shape_payload"][0].update(shape=shape))
    run = Run(tmp_path)
    run.refresh()
    (tensor,) = run.steps()[0].tensors
    assert (tensor.shape, tensor.statistic("mean")) == (None, None)


def test_a_record_of_other_bytes_costs_its_tensor_only(folder: Path) -> None:
    """Every byte of the statistic's record is turned, one at a time; no reading may crash."""
    path = events_of(folder, 1)
    entries = json.loads(index_of(folder, 1).read_text())["tensor_payload"]
    start, length = entries[2]["start_idx"], entries[2]["length"]
    whole = path.read_bytes()
    for position in range(start, start + length):
        spoiled = bytearray(whole)
        spoiled[position] ^= 0xFF
        path.write_bytes(spoiled)
        _, steps = read(folder)
        assert set(steps[1]) >= {"a", "b", "d"}


def test_a_record_that_claims_to_be_large_is_not_believed(folder: Path) -> None:
    path = events_of(folder, 0)
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, 0, 1 << 62)
    path.write_bytes(content)
    run, steps = read(folder)
    assert (steps[0], run.left_out) == (["b", "c", "d"], 1)


@pytest.mark.parametrize(("kept", "names"), [(0.9, ["a", "b", "c"]), (0.4, ["a"]), (0.0, [])])
def test_of_a_step_that_was_cut_off_the_rest_is_read(
    folder: Path, kept: float, names: list[str]
) -> None:
    path = events_of(folder, 1)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    run, steps = read(folder)
    assert (steps[1], run.left_out) == (names, 4 - len(names))


def test_a_time_that_cannot_be_makes_no_earlier_run(folder: Path) -> None:
    path = events_of(folder, 0)
    content = bytearray(path.read_bytes())
    struct.pack_into("<d", content, 13, 1e300)
    path.write_bytes(content)
    _, steps = read(folder)
    assert len(steps) == 2


def test_a_file_that_shrinks_between_index_and_values_is_said(folder: Path) -> None:
    run = Run(folder)
    run.refresh()
    step = run.steps()[0]
    (tensor,) = (each for each in step.tensors if each.name == "b")
    path = events_of(folder, 0)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(TensorsError, match="is shorter than its index says"):
        tensor.statistic("max")


def test_links_do_not_lead_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    save_step(outside, 0, {"secret": [1.0]})
    for name in ("events", "index"):
        step = folder / name / ("000000000000" if name == "events" else "000000000")
        (file,) = (each for each in step.iterdir() if each.name.startswith("000000000000_"))
        file.unlink()
        file.symlink_to(next((outside / name).rglob(file.name)))
    (folder / "index" / "000000007").symlink_to(outside / "index" / "000000000")
    _, steps = read(folder)
    assert steps == [["a", "b", "c", "d"]]


def test_events_behind_a_link_to_outside_are_not_read(folder: Path, tmp_path: Path) -> None:
    events, outside = events_of(folder, 0), tmp_path / "outside"
    events.rename(outside)
    events.symlink_to(outside)
    run, steps = read(folder)
    assert (steps, run.left_out) == ([["a", "b", "c", "d"]], 1)
    assert "lies outside of" in run.notes[0]


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    events_of(folder, 0).unlink()
    os.mkfifo(events_of(folder, 0))
    index_of(folder, 1).unlink()
    os.mkfifo(index_of(folder, 1))
    run, steps = read(folder)
    assert (steps, run.left_out) == ([], 1)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[" * 200_000,
        "[]",
        '{"collections": 3}',
        '{"collections": {"w": 3, "x": {"tensor_names": 4, "include_regex": [5]}}, "_meta": 6}',
        '{"collections": {}, "_meta": {"num_workers": 99999999999}}',
    ],
    ids=range(6),
)
def test_collections_of_another_kind_do_no_harm(folder: Path, content: str) -> None:
    save_collections(folder, {})
    next((folder / "collections").rglob("*.json")).write_text(content)
    run, steps = read(folder)
    assert len(steps) == 2
    assert len(run.fresh()) == 2
    assert all(note.endswith("was left out.") for note in run.notes)


def test_names_that_are_not_of_index_files_are_passed_over(folder: Path) -> None:
    group = index_of(folder, 0).parent
    for name in ("readme.txt", "x_worker_0.json", "9" * 19 + "_worker_0.json", "1.json.tmp"):
        (group / name).write_text("{}")
    (group / "000000000009_worker_0.json").mkdir()
    _, steps = read(folder)
    assert len(steps) == 2


def test_memory_stays_small_whatever_files_claim(folder: Path) -> None:
    """A sparse event file of 8 GiB whose statistic claims half of it, under a limit of memory."""
    with events_of(folder, 0).open("r+b") as file:
        file.truncate(8 << 30)
    spoil(folder, lambda content: content["tensor_payload"][2].update(length=4 << 30))
    spoil(folder, lambda content: content["tensor_payload"][1].update(length=4 << 30))
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "from pathlib import Path; from imageclf.debugger.tensors.run import Run;"
        "run = Run(Path(sys.argv[1])); run.refresh();"
        "print([len(step.tensors) for step in run.steps()], run.left_out)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "[2, 4] 2\n"
