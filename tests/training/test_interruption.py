"""Nothing is lost: a run stopped or killed at any moment ends as if it never had been."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from imageclf.contract import Tree
from imageclf.training.checkpoint import decode
from tests.training import runs

EVERY_STEP = "0.0000001"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    runs.write_pictures(folder, per_class=14)
    return folder


def make(root: Path, data: Path, **settings: str) -> Tree:
    random_things = {"units": "16", "dropout": "0.3", "mixup": "0.3", "augment": "medium"}
    return runs.make_tree(
        root, data, epochs="3", checkpoint_minutes=EVERY_STEP, **random_things, **settings
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, data: Path) -> tuple[Tree, float]:
    tree = make(tmp_path_factory.mktemp("whole") / "ml", data)
    runs.warm_up()
    began = time.monotonic()
    assert runs.train(tree) == 0, runs.log(tree)
    return tree, time.monotonic() - began


def test_kills_at_random_moments_change_nothing(
    tmp_path: Path, data: Path, uninterrupted: tuple[Tree, float]
) -> None:
    whole, seconds = uninterrupted
    tree = make(tmp_path / "ml", data)
    delays, hits = [], 0
    while hits < 6:
        process = runs.program(tree)
        delays.append(random.uniform(0.05, seconds / 2))
        process.join(delays[-1])
        if process.is_alive():
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL if hits % 2 else signal.SIGTERM)
            hits += 1
        if runs.finish(process) == 0:
            break
    assert hits > 0
    assert runs.train(tree) == 0
    assert runs.weights(tree) == runs.weights(whole), f"delays {delays}\n{runs.log(tree)}"
    assert runs.figures(tree) == runs.figures(whole)


def test_a_stop_in_the_middle_of_an_epoch_is_said_and_resumed_there(
    tmp_path: Path, data: Path, uninterrupted: tuple[Tree, float]
) -> None:
    tree = make(tmp_path / "ml", data, workers="2")
    process = runs.program(tree)
    runs.wait_for(lambda: len(runs.checkpoints(tree)) == 2, process)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGTERM)
    assert runs.finish(process) == 143
    newest = tree.checkpoints / runs.checkpoints(tree)[-1]
    state = decode(newest.read_bytes())
    assert runs.train(tree) == 0
    place = f"resumed from epoch {state.epoch}, batch {state.batch} of 4"
    assert place in runs.log(tree)
    assert place.removeprefix("resumed ") in runs.summary(tree)["resumed"][0]
    assert runs.weights(tree) == runs.weights(uninterrupted[0])


def test_a_kill_in_the_middle_of_a_checkpoint_leaves_the_one_before(
    tmp_path: Path, data: Path
) -> None:
    large = {"architecture": "resnet18", "units": "0", "workers": "0"}
    whole, tree = (
        runs.make_tree(tmp_path / name, data, epochs="2", checkpoint_minutes=EVERY_STEP, **large)
        for name in ("whole", "ml")
    )
    assert runs.train(whole) == 0
    process = runs.program(tree)
    runs.wait_for(lambda: len(runs.checkpoints(tree)) == 2, process)
    runs.wait_for(lambda: half_written(tree), process)
    process.kill()
    assert runs.finish(process) == -signal.SIGKILL
    assert half_written(tree), "the kill came too late to prove anything"
    assert len(runs.checkpoints(tree)) == 2
    assert runs.train(tree) == 0
    assert runs.weights(tree) == runs.weights(whole)
    assert not half_written(tree)


def half_written(tree: Tree) -> bool:
    return any(path.name.startswith(".step-") for path in tree.checkpoints.glob(".*.tmp"))


def test_a_damaged_checkpoint_is_passed_over(
    tmp_path: Path, data: Path, uninterrupted: tuple[Tree, float]
) -> None:
    tree = make(tmp_path / "ml", data)
    process = runs.program(tree)
    runs.wait_for(lambda: len(runs.checkpoints(tree)) == 2, process)
    process.kill()
    process.join()
    newest = tree.checkpoints / runs.checkpoints(tree)[-1]
    newest.write_bytes(newest.read_bytes()[:-1000])
    assert runs.train(tree) == 0
    assert f"{newest.name} cannot be used (it is cut off)" in runs.log(tree)
    assert runs.weights(tree) == runs.weights(uninterrupted[0])


def test_a_finished_training_started_again_only_writes_its_results(
    tmp_path: Path, data: Path, uninterrupted: tuple[Tree, float]
) -> None:
    tree = make(tmp_path / "ml", data)
    tree.checkpoints.symlink_to(uninterrupted[0].checkpoints)
    assert runs.train(tree) == 0
    assert runs.weights(tree) == runs.weights(uninterrupted[0])
    assert "epoch=" not in runs.log(tree)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lr": "0.5"}, "belong to a training with lr auto (now 0.5)"),
        ({"seed": "9", "validation_split": "0.3"}, "belong to other data"),
    ],
)
def test_checkpoints_of_another_training_are_refused(
    tmp_path: Path,
    data: Path,
    uninterrupted: tuple[Tree, float],
    changes: dict[str, str],
    sentence: str,
) -> None:
    tree = make(tmp_path / "ml", data, **changes)
    tree.checkpoints.symlink_to(uninterrupted[0].checkpoints)
    before = runs.checkpoints(tree)
    assert runs.train(tree) == 6
    assert sentence in tree.failure.read_text()
    assert runs.checkpoints(tree) == before


def test_a_full_disk_stops_with_a_sentence_and_spares_the_last_checkpoint(
    tmp_path: Path, data: Path
) -> None:
    tree = make(tmp_path / "ml", data, optimizer="sgd")
    tree.checkpoints.mkdir()
    with runs.small_disk(tree.checkpoints, mebibytes=9):
        code = runs.train(tree)
        names = runs.checkpoints(tree)
        last = decode((tree.checkpoints / names[-1]).read_bytes())
    assert code == 6
    assert "could not be written" in tree.failure.read_text()
    assert "make room on the disk" in tree.failure.read_text()
    assert last.step > 0
