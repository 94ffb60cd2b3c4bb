"""Steps as they come while a training runs."""

import os
import random
import shutil
from pathlib import Path

import pytest

from imageclf.debugger.tensors.run import Run
from tests.debugger.tensors.saving import end, save_collections, save_step


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def numbers(run: Run) -> list[int]:
    run.refresh()
    return [step.number for step in run.fresh()]


def index_of(folder: Path, step: int, worker: str = "worker_0") -> Path:
    return folder / "index" / "000000000" / f"{step:012}_{worker}.json"


def events_of(folder: Path, step: int, worker: str = "worker_0") -> Path:
    return folder / "events" / f"{step:012}" / f"{step:012}_{worker}.tfevents"


def test_each_step_is_given_out_once(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    assert numbers(run) == []
    save_step(run.folder, 0, {"a": [1.0]})
    assert numbers(run) == [0]
    assert numbers(run) == []
    save_step(run.folder, 20, {"a": [1.0]})
    save_step(run.folder, 10, {"a": [1.0]})
    assert numbers(run) == [10, 20]
    assert [step.number for step in run.steps()] == [0, 10, 20]


def test_steps_beyond_the_first_thousand_are_found_too(tmp_path: Path) -> None:
    run = Run(tmp_path)
    save_step(tmp_path, 999, {"a": [1.0]})
    save_step(tmp_path, 1000, {"a": [1.0]})
    assert numbers(run) == [999, 1000]
    os.utime(tmp_path / "index" / "000000000", (1, 1))
    run.refresh()
    save_step(tmp_path, 998, {"a": [1.0]})
    save_step(tmp_path, 2000, {"a": [1.0]})
    assert numbers(run) == [2000]
    assert run.notes == ("Step 998 came after later ones and was left out.",)


def test_the_run_has_ended_when_its_marker_is_there(tmp_path: Path) -> None:
    run = Run(tmp_path)
    save_step(tmp_path, 0, {"a": [1.0]})
    run.refresh()
    assert not run.ended
    end(tmp_path)
    run.refresh()
    assert run.ended


@pytest.mark.parametrize("half", ["no events", "short events", "half an index", "no index"])
def test_a_half_written_step_is_waited_for(tmp_path: Path, half: str) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    for step in (0, 1):
        save_step(whole, step, {"a": [1.0, 2.0]})
    shutil.copytree(whole, folder)
    index, events = index_of(folder, 0), events_of(folder, 0)
    path = events if "events" in half else index
    content = path.read_bytes()
    if half.startswith("no"):
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2])
    run = Run(folder, clock=HandClock())
    if half == "no index":
        assert numbers(run) == [1]  # nothing says that there was a step 0
        return
    assert numbers(run) == []
    path.write_bytes(content)
    assert numbers(run) == [0, 1]
    assert run.left_out == 0


def test_a_step_that_stays_damaged_is_left_out_and_counted(tmp_path: Path) -> None:
    clock = HandClock()
    run = Run(tmp_path, patience_s=60, clock=clock)
    for step in (0, 1, 2):
        save_step(tmp_path, step, {"a": [1.0]})
    index_of(tmp_path, 1).write_text('{"meta": ')
    assert numbers(run) == [0]
    clock.now_s = 59.0
    assert numbers(run) == []
    clock.now_s = 61.0
    assert numbers(run) == [2]
    assert run.left_out == 1
    assert "Step 1 of worker_0 could not be read" in run.notes[0]


def test_at_the_end_nothing_is_waited_for(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for step in (0, 1):
        save_step(tmp_path, step, {"a": [1.0]})
    events_of(tmp_path, 0).unlink()
    save_collections(tmp_path, {}, workers=2)
    assert numbers(run) == []
    end(tmp_path)
    assert numbers(run) == [1]


def test_who_will_not_ask_again_gets_what_is_there(tmp_path: Path) -> None:
    run = Run(tmp_path)
    save_collections(tmp_path, {}, workers=2)
    for step in (0, 1):
        save_step(tmp_path, step, {"a": [1.0]})
    assert numbers(run) == []
    assert [step.number for step in run.fresh(everything=True)] == [0, 1]


def test_a_step_that_is_written_again_before_it_was_given_out_is_read_anew(tmp_path: Path) -> None:
    run = Run(tmp_path)
    save_step(tmp_path, 0, {"a": [1.0]})
    run.refresh()
    assert run.steps()[0].tensors[0].statistic("max") == 1.0
    save_step(tmp_path, 0, {"a": [2.0]})
    run.refresh()
    assert run.fresh()[0].tensors[0].statistic("max") == 2.0
    assert run.notes == ()


def test_a_step_waits_for_all_workers(tmp_path: Path) -> None:
    save_collections(tmp_path, {"losses": ["a"]}, workers=2)
    run = Run(tmp_path)
    save_step(tmp_path, 0, {"a": [0.0]}, worker="worker_0")
    save_step(tmp_path, 1, {"a": [0.0]}, worker="worker_0")
    assert numbers(run) == []
    save_step(tmp_path, 0, {"a": [1.0]}, worker="worker_1")
    run.refresh()
    (step,) = run.fresh()
    assert [each.worker for each in step.tensors] == ["worker_0", "worker_1"]


def test_a_worker_that_is_further_will_not_save_the_step_any_more(tmp_path: Path) -> None:
    run = Run(tmp_path)
    save_collections(tmp_path, {}, workers=2)
    save_step(tmp_path, 0, {"a": [0.0]}, worker="worker_0")
    save_step(tmp_path, 1, {"a": [0.0]}, worker="worker_1")
    assert numbers(run) == [0]


def test_a_worker_that_died_is_not_waited_for_at_every_step(tmp_path: Path) -> None:
    clock = HandClock()
    run = Run(tmp_path, patience_s=60, clock=clock)
    save_collections(tmp_path, {}, workers=2)
    for worker in ("worker_0", "worker_1"):
        save_step(tmp_path, 0, {"a": [0.0]}, worker=worker)
    save_step(tmp_path, 1, {"a": [0.0]})
    assert numbers(run) == [0]
    clock.now_s = 61.0
    assert numbers(run) == [1]
    save_step(tmp_path, 2, {"a": [0.0]})
    assert numbers(run) == [2]
    save_step(tmp_path, 3, {"a": [0.0]}, worker="worker_1")  # it is back
    assert numbers(run) == []
    save_step(tmp_path, 3, {"a": [0.0]})
    assert numbers(run) == [3]


def test_a_worker_that_never_came_is_not_waited_for_at_every_step(tmp_path: Path) -> None:
    clock = HandClock()
    run = Run(tmp_path, patience_s=60, clock=clock)
    save_collections(tmp_path, {}, workers=3)
    save_step(tmp_path, 0, {"a": [0.0]})
    assert numbers(run) == []
    clock.now_s = 61.0
    assert numbers(run) == [0]
    save_step(tmp_path, 1, {"a": [0.0]})
    assert numbers(run) == [1]


def test_steps_of_an_earlier_run_are_left_out(tmp_path: Path) -> None:
    """Ten steps an hour ago, then five: those beyond the fifth are of the earlier run."""
    for step in range(10):
        save_step(tmp_path, step, {"a": [1.0]}, at_s=1_700_000_000.0 + step)
    for step in range(5):
        save_step(tmp_path, step, {"a": [2.0]}, at_s=1_700_003_600.0 + step)
    run = Run(tmp_path)
    run.refresh()
    assert [step.number for step in run.steps()] == [0, 1, 2, 3, 4]
    assert [step.number for step in run.fresh()] == [0, 1, 2, 3, 4]
    assert "holds steps of an earlier run" in run.notes[0]


def test_a_run_that_was_resumed_is_one_run(tmp_path: Path) -> None:
    for step, at_s in ((0, 1.7e9), (1, 1.7e9 + 1), (2, 1.7e9 + 5000), (3, 1.7e9 + 5001)):
        save_step(tmp_path, step, {"a": [1.0]}, at_s=at_s)
    run = Run(tmp_path)
    assert numbers(run) == [0, 1, 2, 3]
    assert run.notes == ()


def test_another_run_that_writes_into_the_folder_is_noticed(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for step in range(3):
        save_step(tmp_path, step, {"a": [1.0]})
    assert numbers(run) == [0, 1, 2]
    save_step(tmp_path, 0, {"a": [2.0]})
    assert numbers(run) == []
    assert "Step 0 was saved a second time" in run.notes[0]


def test_portions_do_not_matter(tmp_path: Path) -> None:
    """Files come one by one in any order, halves first; each step is given out once, whole."""
    whole, folder = tmp_path / "whole", tmp_path / "run"
    save_collections(whole, {"losses": ["a"]}, workers=2)
    for step in range(12):
        for worker in ("worker_0", "worker_1"):
            save_step(whole, step, {"a": [float(step), 1.0]}, worker=worker)
    files = sorted(path for path in whole.rglob("*") if path.is_file())
    dice = random.Random(7)
    dice.shuffle(files)
    run, found = Run(folder, clock=HandClock()), []
    shutil.copytree(whole / "collections", folder / "collections")
    for path in files:
        target = folder / path.relative_to(whole)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes()[: dice.randrange(1, path.stat().st_size)])
        run.refresh()
        found += [(step.number, len(step.tensors)) for step in run.fresh()]
        target.write_bytes(path.read_bytes())
    end(folder)
    run.refresh()
    found += [(step.number, len(step.tensors)) for step in run.fresh()]
    assert run.left_out == 0
    assert [number for number, _ in found] == sorted({number for number, _ in found})
