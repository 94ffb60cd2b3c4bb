"""The profiler in a training job: what it leaves, and that the training is the same with it.

Several processes and hosts, and a stop signal to all of them, are tried in test_processes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.contract import Tree
from imageclf.profiler import names
from imageclf.profiler.recorded import Stretch
from imageclf.profiler.run import Profile
from imageclf.rules.files import PROFILER, STOP_FILE
from imageclf.training.stop import StopRequested, StopSignal
from tests.training import runs
from tests.training.here import data, threads, train_here

__all__ = ["data", "threads"]

WORKER = "localhost-0"


def profile_of(tree: Tree) -> Profile:
    profile = Profile(tree.output / names.FOLDER)
    profile.refresh()
    return profile


def statuses(tree: Tree) -> dict[str, str]:
    content = json.loads((tree.output_data / PROFILER.status).read_text())
    return {one["RuleConfigurationName"]: one["RuleEvaluationStatus"] for one in content}


def spans(whole: Stretch, name: str) -> list[float]:
    return [one.took_s for one in whole.spans if one.name == name]


class StopAfter(StopSignal):
    """The signal comes when a process has looked for it so often."""

    looks = 0

    @property
    def requested(self) -> bool:
        StopAfter.looks -= 1
        return StopAfter.looks < 0

    @requested.setter
    def requested(self, _: bool) -> None: ...


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Tree:
    tree = runs.make_tree(tmp_path_factory.mktemp("plain") / "ml", data, epochs="2")
    train_here(tree)
    return tree


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, data: Path) -> tuple[Tree, dict[str, Any]]:
    """A profiled training that a signal stopped, and what it left."""
    tree = runs.make_tree(
        tmp_path_factory.mktemp("profiled") / "ml", data, epochs="2", profile="kernels"
    )
    runs.write_config(tree, "tensorboardoutputconfig", {"LocalPath": "/opt/ml/output/boards"})
    window = {"DetailedProfilingConfig": '{"StartStep": 1, "NumSteps": 1, }'}
    runs.write_config(tree, "profilerconfig", {"ProfilingParameters": window})
    StopAfter.looks = 8
    with pytest.raises(StopRequested):
        train_here(tree, StopAfter())
    profile = profile_of(tree)
    left = {
        "whole": profile.whole(),
        "ended": profile.ended,
        "notes": profile.notes,
        "statuses": statuses(tree),
        "kernels": list((tree.output / names.FOLDER / names.KERNELS).glob(f"{WORKER}-1.*")),
        "page": (tree.output_data / names.REPORT).exists(),
    }
    return tree, left


def test_a_training_that_is_stopped_leaves_its_profile_and_report(
    stopped: tuple[Tree, dict[str, Any]],
) -> None:
    _, left = stopped
    assert left["ended"]
    assert left["page"]
    assert "InProgress" not in left["statuses"].values()
    assert "Error" not in left["statuses"].values()
    assert 3 < len(left["whole"].train_steps(WORKER)) < 6
    assert spans(left["whole"], names.CHECKPOINT)
    assert not [note for note in left["notes"] if "ended before" in note]


@pytest.fixture(scope="module")
def resumed(stopped: tuple[Tree, dict[str, Any]]) -> Tree:
    """The same training, gone on to its end."""
    tree, _ = stopped
    (tree.output / STOP_FILE).write_text('{"rule": "StepOutlier", "reason": "It was so."}')
    train_here(tree)
    return tree


def test_a_profiled_training_learns_the_same_bit_for_bit(plain: Tree, resumed: Tree) -> None:
    assert runs.weights(resumed) == runs.weights(plain)
    assert runs.figures(resumed) == runs.figures(plain)
    assert not (plain.output / names.FOLDER).exists()
    assert "profiler_rules" not in runs.summary(plain)


def test_a_resumed_training_is_profiled_anew(
    stopped: tuple[Tree, dict[str, Any]], resumed: Tree
) -> None:
    _, left = stopped
    profile = profile_of(resumed)
    behind, steps = left["whole"].train_steps(WORKER), profile.whole().train_steps(WORKER)
    assert steps[names.STEP].tolist() == list(range(6 - len(behind)))
    facts = profile.workers[WORKER]
    assert facts["first_step"] == len(behind)
    assert runs.summary(resumed)["reason"] == "all epochs done"


def test_the_profile_tells_where_the_time_of_the_run_went(resumed: Tree) -> None:
    profile = profile_of(resumed)
    whole = profile.whole()
    assert profile.ended
    steps = whole.steps[WORKER]
    phases = sum(steps[names.host_column(phase)] for phase in names.PHASES)
    assert np.allclose(phases, steps[names.TOOK], rtol=1e-3)
    train = whole.train_steps(WORKER)
    for phase in (names.DATA, names.FORWARD, names.BACKWARD, names.OPTIMISER):
        assert (train[names.host_column(phase)] > 0).all()
    assert np.isnan(train[names.device_column(names.FORWARD)]).all()
    seen = steps.where(steps[names.MODE] == names.EVAL)
    assert seen[names.IMAGES].sum() == 6 * len(spans(whole, names.EVALUATION))
    (began_s,), (loop_s,) = spans(whole, names.INITIALISATION), spans(whole, names.TRAINING_LOOP)
    (after_s,) = spans(whole, names.FINALISATION)
    assert began_s > 0
    assert after_s > 0
    assert loop_s >= train[names.TOOK].sum() / 1e3
    reads = whole.reads[WORKER]
    assert reads[names.IMAGES].sum() == steps[names.IMAGES].sum()
    assert (reads[names.FETCH] + reads[names.DECODE] > 0).all()
    assert len(whole.system["localhost"]) > 0
    assert profile.machine["step"]["flop"] > 0


def test_steps_are_looked_into_closely_where_the_file_says(
    stopped: tuple[Tree, dict[str, Any]],
) -> None:
    tree, left = stopped
    assert left["kernels"]
    boards = tree.output / "boards"
    assert list(boards.rglob("*.pt.trace.json.gz"))
    assert any(b"profiler/step_ms" in path.read_bytes() for path in boards.rglob("*tfevents*"))


def test_all_rules_say_how_they_stand_and_the_pages_are_there(resumed: Tree) -> None:
    said = runs.summary(resumed)["profiler_rules"]
    assert {one["RuleConfigurationName"]: one["RuleEvaluationStatus"] for one in said} == statuses(
        resumed
    )
    assert {"StepOutlier", "LowGPUUtilization"} <= statuses(resumed).keys()
    assert {"InProgress", "Error"}.isdisjoint(statuses(resumed).values())
    assert (resumed.output_data / names.REPORT).stat().st_size > 1000


class AskedToStop(StopSignal):
    """A rule asks for the end when a process has looked for a signal so often."""

    looks, file = 0, Path()

    @property
    def requested(self) -> bool:
        AskedToStop.looks -= 1
        if AskedToStop.looks == 0:
            AskedToStop.file.write_text('{"rule": "StepOutlier", "reason": "It was so."}')
        return False

    @requested.setter
    def requested(self, _: bool) -> None: ...


def test_a_rule_of_the_profiler_ends_a_training_with_a_model(tmp_path: Path, data: Path) -> None:
    tree = runs.make_tree(tmp_path / "ml", data, epochs="2000", profile="on", profile_rules="off")
    AskedToStop.looks, AskedToStop.file = 8, tree.output / STOP_FILE
    train_here(tree, AskedToStop())
    assert runs.summary(tree)["reason"] == "ended by rule StepOutlier: It was so."
    assert (tree.model / "model.safetensors").exists()
    assert (tree.output_data / names.REPORT).exists()


def test_a_folder_that_cannot_be_used_costs_the_profile_and_not_the_training(
    tmp_path: Path, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree = runs.make_tree(tmp_path / "ml", data, epochs="1", profile="on")
    precious = tmp_path / "precious" / names.WORKERS
    precious.mkdir(parents=True)
    (precious / "other-0.json").write_text("{}")
    parameters = {"LocalPath": str(precious.parent)}
    runs.write_config(tree, "profilerconfig", {"ProfilingParameters": parameters})
    train_here(tree)
    assert (precious / "other-0.json").exists()
    assert "the profiler is off: " in caplog.text
    assert set(statuses(tree).values()) == {"Error"}
    assert runs.summary(tree)["status"] == "completed"
