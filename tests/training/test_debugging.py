"""The debugger in a training job: recorded, watched, told, and harmless.

The program as a whole, with two processes, signals and kills, is tried in test_processes and
test_entry.
"""

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from imageclf import config
from imageclf.contract import Tree
from imageclf.debugger import names
from imageclf.debugger.hook import settings
from imageclf.debugger.saved import Mode
from imageclf.debugger.tensors.run import Run
from imageclf.errors import SettingsError, TrainingError
from imageclf.rules.files import DEBUGGER, STOP_FILE
from imageclf.training.debugging import Debugging
from imageclf.training.processes import World
from imageclf.training.stop import StopRequested, StopSignal
from tests.training import runs
from tests.training.here import data, threads, train_here

__all__ = ["data", "threads"]


def run_of(tree: Tree) -> Run:
    run = Run(tree.tensors)
    run.refresh()
    return run


def moments(tree: Tree) -> list[tuple[int, Mode, int]]:
    return [(one.number, one.mode, one.mode_step) for one in run_of(tree).steps()]


def statuses(tree: Tree) -> dict[str, str]:
    content = json.loads((tree.output_data / DEBUGGER.status).read_text())
    return {one["RuleConfigurationName"]: one["RuleEvaluationStatus"] for one in content}


def configure(tree: Tree, name: str, content: dict[str, Any]) -> None:
    runs.write_config(tree, name, content)


def test_a_healthy_training_passes_all_standard_rules_and_is_the_same_as_without(
    tmp_path: Path, data: Path
) -> None:
    watched = runs.make_tree(tmp_path / "ml", data, debug="standard", debug_interval="2")
    train_here(watched)
    assert set(statuses(watched).values()) == {"NoIssuesFound"}
    assert len(statuses(watched)) == 9
    assert {one["RuleEvaluationStatus"] for one in runs.summary(watched)["rules"]} == {
        "NoIssuesFound"
    }
    report = (watched.output_data / "report.html").read_text()
    assert "The debugger&#39;s rules (9) found nothing wrong." in report
    assert 'href="debug-report.html"' in report
    assert (watched.output_data / names.REPORT).stat().st_size > 1000
    assert run_of(watched).ended
    first, *_, last = run_of(watched).steps()
    assert (first.number, first.mode, last.mode) == (0, Mode.TRAIN, Mode.EVAL)
    plain = runs.make_tree(tmp_path / "plain", data)
    train_here(plain)
    assert runs.weights(plain) == runs.weights(watched)
    assert runs.figures(plain) == runs.figures(watched)
    assert not plain.tensors.exists()
    assert "rules" not in runs.summary(plain)


def test_a_rule_ends_a_training_with_a_model_and_says_so(
    tmp_path: Path, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="imageclf")
    tree = runs.make_tree(
        tmp_path / "ml", data, epochs="2000", schedule="constant", debug_interval="1",
        debug="vanishing_gradient(threshold=1000)", debug_actions="stop",
    )  # fmt: skip
    train_here(tree)
    summary = runs.summary(tree)
    assert summary["status"] == "completed"
    assert summary["epochs_done"] < 2000
    assert summary["reason"].startswith("ended by rule VanishingGradient: The mean absolute value")
    assert summary["reason"] in caplog.text
    assert summary["reason"] in (tree.output_data / "report.html").read_text()
    assert (tree.model / "model.safetensors").exists()
    assert statuses(tree) == {"VanishingGradient": "IssuesFound"}
    assert "rule VanishingGradient: IssuesFound: " in caplog.text
    assert runs.checkpoints(tree), "nothing to go on from"


def test_a_loss_that_is_no_number_is_explained_by_the_rule_that_saw_it(
    tmp_path: Path, data: Path
) -> None:
    tree = runs.make_tree(
        tmp_path / "ml", data, optimizer="sgd", lr="10", momentum="0.99", warmup="2", epochs="8",
        batch_norm="frozen", debug="exploding_tensor", debug_interval="1000",
    )  # fmt: skip
    with pytest.raises(TrainingError, match=r"no longer a number.*Rule ExplodingTensor found:"):
        train_here(tree)
    assert statuses(tree) == {"ExplodingTensor": "IssuesFound"}
    first, last = (number for number, mode, _ in moments(tree) if mode is Mode.TRAIN)
    assert first == 0 < last
    assert run_of(tree).ended


def test_a_stopped_training_goes_on_in_the_same_folder(tmp_path: Path, data: Path) -> None:
    tree = runs.make_tree(
        tmp_path / "ml", data, debug="loss_not_decreasing", debug_interval="1", epochs="2",
        checkpoint_minutes="0.0000001",
    )  # fmt: skip
    stop = StopSignal()
    stop_at(tree, stop, step=4)
    with pytest.raises(StopRequested):
        train_here(tree, stop)
    assert statuses(tree) == {"LossNotDecreasing": "NoIssuesFound"}
    part = moments(tree)
    assert part[-1][0] == 5
    assert run_of(tree).ended
    train_here(tree)
    whole = moments(tree)
    assert whole[: len(part)] == part
    assert [number for number, _, _ in whole] == list(range(8))
    assert [mode_step for _, mode, mode_step in whole if mode is Mode.EVAL] == [0, 1]
    assert statuses(tree) == {"LossNotDecreasing": "NoIssuesFound"}


def stop_at(tree: Tree, stop: StopSignal, step: int) -> None:
    """Let the stop signal come when the tensors of `step` have been saved."""

    class AtStep(StopSignal):
        @property
        def requested(self) -> bool:
            return any(number >= step for number, _, _ in moments(tree))

        @requested.setter
        def requested(self, _: bool) -> None: ...

    stop.__class__ = AtStep


def test_a_second_training_in_the_same_tree_is_not_mixed_with_the_first(
    tmp_path: Path, data: Path
) -> None:
    tree = runs.make_tree(tmp_path / "ml", data, debug="overfit", debug_interval="1", epochs="2")
    train_here(tree)
    first = moments(tree)
    (tree.output / STOP_FILE).write_text('{"rule": "Overfit", "reason": "It was so."}')
    for path in tree.checkpoints.iterdir():
        path.unlink()
    given = {**tree.read_config("hyperparameters"), "epochs": "1", "seed": "1"}
    configure(tree, "hyperparameters", given)
    train_here(tree)
    assert moments(tree) == first[:4]
    assert runs.summary(tree)["reason"] == "all epochs done"


def test_layers_that_are_unfrozen_are_seen_from_then_on(tmp_path: Path, data: Path) -> None:
    tree = runs.make_tree(
        tmp_path / "ml", data, train="gradual", epochs="3", debug="vanishing_gradient",
        debug_interval="1",
    )  # fmt: skip
    train_here(tree)
    seen = [
        sum(tensor.name.startswith("gradient/") for tensor in step.tensors)
        for step in run_of(tree).steps()
        if step.mode is Mode.TRAIN
    ]
    by_epoch = [seen[0], seen[3], seen[6]]
    assert by_epoch[0] == 2
    assert by_epoch == sorted(set(by_epoch))
    assert seen == [count for count in by_epoch for _ in range(3)]


def test_the_platforms_file_alone_records_where_and_what_it_says(
    tmp_path: Path, data: Path
) -> None:
    tree = runs.make_tree(tmp_path / "ml", data, epochs="1")
    configure(
        tree,
        "debughookconfig",
        {
            "LocalPath": "/opt/ml/output/elsewhere",
            "CollectionConfigurations": [
                {
                    "CollectionName": "weights",
                    "CollectionParameters": {"save_interval": "2", "reductions": "mean,l2_norm"},
                }
            ],
        },
    )
    boards = tree.output / "boards"
    configure(tree, "tensorboardoutputconfig", {"LocalPath": "/opt/ml/output/boards"})
    train_here(tree)
    assert any(boards.rglob("*tfevents*"))
    run = Run(tree.output / "elsewhere")
    run.refresh()
    train = [step for step in run.steps() if step.mode is Mode.TRAIN]
    assert [step.number for step in train] == [0, 2]
    (weight,) = train[0].select(regex=r"_fc\.weight")
    assert weight.values is None
    assert set(weight.saved_statistics) == {"mean", "l2"}
    assert not (tree.output_data / DEBUGGER.status).exists()


def test_tensors_of_another_run_elsewhere_are_neither_mixed_nor_lost(
    tmp_path: Path, data: Path
) -> None:
    precious = tmp_path / "precious"
    (precious / "events").mkdir(parents=True)
    tree = runs.make_tree(tmp_path / "ml", data, epochs="1", debug="overfit")
    configure(tree, "debughookconfig", {"LocalPath": str(precious)})
    with pytest.raises(SettingsError, match="holds the tensors of another run"):
        train_here(tree)
    assert (precious / "events").is_dir()


def test_a_folder_that_cannot_be_written_to_costs_the_rules_and_not_the_training(
    tmp_path: Path, data: Path
) -> None:
    tree = runs.make_tree(tmp_path / "ml", data, epochs="1", debug="overfit")
    tree.output.mkdir()
    tree.tensors.write_text("in the way")
    train_here(tree)
    assert statuses(tree) == {"Overfit": "Error"}
    (rule,) = runs.summary(tree)["rules"]
    assert "so no tensors are saved" in rule["StatusDetails"]


def test_only_the_first_process_records_unless_all_are_to(tmp_path: Path) -> None:
    given = config.parse({"debug": "overfit"})
    second = World(rank=1, size=2, local_rank=1, local_size=2)
    for workers, kind in (("one", "NoRecorder"), ("all", "Recorder")):
        wanted = settings.of(given, {"HookParameters": {"include_workers": workers}}, {})
        debugging = Debugging(wanted, Tree(tmp_path), second)
        assert type(debugging.recorder).__name__ == kind
        assert debugging.asked_to_stop() is None


def test_nothing_of_it_runs_any_more_when_the_job_is_over() -> None:
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children]
    assert not any(b"debugger.live" in command for command in commands)
