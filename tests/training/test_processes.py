"""Several processes and several hosts: the result of one, and only the first writes."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from imageclf.contract import Tree
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.debugger.tensors.run import Run
from imageclf.profiler.run import Profile
from tests.training import runs

WEIGHT_TOLERANCE = 1e-7
"""Largest difference of a weight: gradients are summed in another order."""

ALIKE = {
    "optimizer": "sgd",
    "lr": "0.01",
    "batch_norm": "frozen",
    "train": "all",
    "class_weights": "balanced",
    "label_smoothing": "0.1",
}


BOTH = {
    "HookParameters": {"include_workers": "all", "save_interval": "2"},
    "CollectionConfigurations": [
        {"CollectionName": "labels"},
        {
            "CollectionName": "fc",
            "CollectionParameters": {"include_regex": "^gradient.*_fc.weight"},
        },
    ],
}
"""A debugger that saves in both processes."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    runs.write_pictures(folder, per_class=13)
    return folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Tree:
    tree = runs.make_tree(tmp_path_factory.mktemp("alone") / "ml", data, **ALIKE)
    assert runs.train(tree) == 0, runs.log(tree)
    return tree


def assert_same_result(tree: Tree, alone: Tree) -> None:
    one, other = load(runs.weights(alone)), load(runs.weights(tree))
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=WEIGHT_TOLERANCE, rtol=1e-4)
    for before, now in zip(runs.figures(alone), runs.figures(tree), strict=True):
        assert now == pytest.approx(before, rel=1e-3, abs=1e-6)


def assert_both_recorded(tree: Tree) -> None:
    """Each saved its own part of the batch, and gradients that both had averaged."""
    run = Run(tree.tensors)
    run.refresh()
    assert run.ended
    training = [step for step in run.steps() if step.mode is Mode.TRAIN]
    assert [step.number for step in training[:2]] == [0, 2]
    for step in training:
        workers = {worker: of_worker(step, worker) for worker in ("worker_0", "worker_1")}
        first, second = workers.values()
        assert first.keys() == second.keys()
        (gradient,) = (name for name in first if name.endswith("_fc.weight"))
        np.testing.assert_array_equal(first[gradient].values, second[gradient].values)
        with pytest.raises(AssertionError):  # each has pictures of its own
            np.testing.assert_array_equal(first["labels"].values, second["labels"].values)
    assert runs.summary(tree)["rules"][0]["RuleEvaluationStatus"] in {
        "NoIssuesFound",
        "IssuesFound",
    }


def assert_both_profiled(tree: Tree, workers: list[str]) -> None:
    """Each took the time of its own steps; one page tells of both."""
    profile = Profile(tree.output / "profiler")
    profile.refresh()
    whole = profile.whole()
    assert not profile.notes
    assert sorted(whole.steps) == sorted(whole.workers) == workers
    steps = [whole.train_steps(worker)["step"].tolist() for worker in workers]
    assert steps[0] == steps[1] == list(range(len(steps[0])))
    assert len(steps[0]) % runs.summary(tree)["epochs_done"] == 0
    assert [facts["world_size"] for facts in whole.workers.values()] == [2, 2]
    assert (tree.output_data / "profiler-report.html").exists()


def of_worker(step: SavedStep, worker: str) -> dict[str, Saved]:
    return {tensor.name: tensor for tensor in step.tensors if tensor.worker == worker}


def test_two_processes_learn_what_one_learns(tmp_path: Path, data: Path, alone: Tree) -> None:
    tree = runs.make_tree(
        tmp_path / "ml", data, processes="2", debug="overfit", debug_interval="2", profile="on",
        **ALIKE,
    )  # fmt: skip
    runs.write_config(tree, "debughookconfig", BOTH)
    with runs.image_command(tree) as command:
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 0, output
    assert "2 process(es) on CPU" in output
    assert_both_recorded(tree)
    assert_both_profiled(tree, ["localhost-0", "localhost-1"])
    assert output.count("epoch=1 ") == 1, "only rank 0 writes"
    assert runs.summary(tree)["processes"] == 2
    assert_same_result(tree, alone)


def test_two_hosts_learn_what_one_learns_and_the_first_writes(
    tmp_path: Path, data: Path, alone: Tree
) -> None:
    names = ["127.0.0.1", "localhost"]  # both resolve here, as algo-1 and algo-2 do on SageMaker
    trees = [runs.make_tree(tmp_path / name, data, profile="on", **ALIKE) for name in names]
    for tree, name in zip(trees, names, strict=True):
        group = {"instance_group_name": "all", "instance_type": "ml.c5.large", "hosts": names}
        resources = {
            "current_host": name,
            "hosts": names,
            "current_group_name": "all",
            "instance_groups": [group],
            "network_interface_name": "lo",
        }
        runs.write_config(tree, "resourceconfig", resources)
    port = str(free_port())
    with (
        runs.image_command(trees[0], MASTER_PORT=port) as first,
        runs.image_command(trees[1], MASTER_PORT=port) as second,
    ):
        outputs = [command.communicate(timeout=runs.PATIENCE_S)[0] for command in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], "\n".join(outputs)
    assert_same_result(trees[0], alone)
    assert_both_profiled(trees[0], ["127.0.0.1-0", "localhost-1"])
    assert not list(trees[1].model.glob("*"))
    assert not list(trees[1].checkpoints.glob("*"))


def test_two_processes_stop_together_and_go_on(tmp_path: Path, data: Path) -> None:
    tree = runs.make_tree(
        tmp_path / "ml", data, processes="2", epochs="2000", debug="exploding_tensor",
        profile="on", **ALIKE,
    )  # fmt: skip
    with runs.image_command(tree) as command:
        metrics = tree.output_data / "metrics.jsonl"
        until = time.monotonic() + runs.PATIENCE_S
        while not metrics.exists() and command.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(command.pid, signal.SIGTERM)
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 143, output
    assert len(runs.checkpoints(tree)) == 1
    assert not tree.failure.exists()
    assert runs.summary(tree)["rules"][0]["RuleEvaluationStatus"] == "NoIssuesFound"
    assert_profile_of_a_stopped_run(tree)
    done = len(metrics.read_text().splitlines())
    settings = json.loads((tree.config / "hyperparameters.json").read_text())
    runs.write_config(tree, "hyperparameters", settings | {"epochs": str(done + 2)})
    with runs.image_command(tree) as command:
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 0, output
    assert "resumed from epoch" in output


def assert_profile_of_a_stopped_run(tree: Tree) -> None:
    profile = Profile(tree.output / "profiler")
    profile.refresh()
    assert profile.ended
    assert not profile.notes
    assert {span.name for span in profile.whole().spans} >= {"training loop", "checkpoint"}
    assert (tree.output_data / "profiler-report.html").exists()
    assert "InProgress" not in {
        one["RuleEvaluationStatus"] for one in runs.summary(tree)["profiler_rules"]
    }


def test_an_error_in_one_of_two_processes_is_the_failure_of_all(tmp_path: Path, data: Path) -> None:
    tree = runs.make_tree(tmp_path / "ml", data, processes="2", pretrained="absent")
    with runs.image_command(tree) as command:
        output, _ = command.communicate(timeout=runs.PATIENCE_S)
    assert command.returncode == 4, output
    assert tree.failure.read_text().startswith("Hyperparameter pretrained is 'absent'")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
