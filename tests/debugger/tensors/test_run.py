"""Reading what smdebug's own writer saved."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.debugger.tensors.run import Run
from tests.debugger.tensors.saving import REDUCTIONS, save_collections, save_step


def read(folder: Path) -> Run:
    run = Run(folder)
    run.refresh()
    return run


def only(step: SavedStep, name: str) -> Saved:
    (tensor,) = (each for each in step.tensors if each.name == name)
    return tensor


@pytest.mark.parametrize(
    "values",
    [
        np.array([[1.5, -2.0]], np.float16),
        np.arange(6, dtype=np.float32).reshape(1, 2, 3),
        np.array([1e300, -0.0]),
        np.array([-3, 4], np.int8),
        np.array([3, 250], np.uint8),
        np.array([-300, 4], np.int16),
        np.array([-300_000, 4], np.int32),
        np.array([-(1 << 40), 4]),
        np.array([True, False]),
        np.zeros((0, 3), np.float32),
        np.float32(2.5),
        np.array([np.nan, np.inf, -np.inf], np.float32),
    ],
    ids=lambda values: f"{values.dtype}{values.shape}",
)
def test_values_come_back_as_they_were_saved(tmp_path: Path, values: Any) -> None:
    save_step(tmp_path, 3, {"tensor": values})
    (step,) = read(tmp_path).steps()
    found = only(step, "tensor")
    assert found.values is not None
    assert found.values.dtype == values.dtype
    np.testing.assert_array_equal(found.values.ravel(), values.ravel())
    assert found.shape == found.values.shape


def test_a_step_has_its_numbers_mode_and_time(tmp_path: Path) -> None:
    save_step(tmp_path, 40, {"a": [1.0]}, mode="EVAL", mode_step=2, at_s=1_700_000_000.25)
    save_step(tmp_path, 30, {"a": [1.0]}, mode="TRAIN", mode_step=28, at_s=1_699_999_999.0)
    first, second = read(tmp_path).steps()
    assert (first.number, first.mode, first.mode_step) == (30, Mode.TRAIN, 28)
    assert (second.number, second.mode, second.mode_step) == (40, Mode.EVAL, 2)
    assert second.at_s == 1_700_000_000.25


def test_statistics_belong_to_their_tensor_also_where_its_name_has_slashes(tmp_path: Path) -> None:
    name = "gradient/ResNet_conv1.weight"
    saved = {
        f"{REDUCTIONS}abs_mean/{name}": np.float32(0.5),
        f"{REDUCTIONS}l1/{name}": np.float64(12.0),
        f"{REDUCTIONS}activity/relu": np.array([0.25, 1.0], np.float32),
        f"{REDUCTIONS}nans/{name}": np.int64(3),
    }
    save_step(tmp_path, 0, saved, shapes={name: (4, 6)})
    (step,) = read(tmp_path).steps()
    gradient = only(step, name)
    assert gradient.shape == (4, 6)
    assert gradient.values is None
    assert gradient.statistic("abs_mean") == 0.5
    assert gradient.statistic("abs_sum") == 12.0
    assert gradient.statistic("nans") == 3.0
    assert gradient.statistic("max") is None
    np.testing.assert_array_equal(only(step, "relu").vector("activity"), [0.25, 1.0])


def test_values_and_statistics_of_one_tensor_are_one(tmp_path: Path) -> None:
    save_step(tmp_path, 0, {"w": [1.0, 3.0], f"{REDUCTIONS}mean/w": np.float32(7.0)})
    (step,) = read(tmp_path).steps()
    (tensor,) = step.tensors
    assert tensor.statistic("mean") == 7.0
    assert tensor.statistic("max") == 3.0


@pytest.mark.parametrize("checksums", [False, True])
def test_further_steps_have_their_own_values(tmp_path: Path, checksums: bool) -> None:
    """Steps 9, 10, 127 and 128: their numbers take more bytes, as text and in the wire format."""
    numbers = [1, 8, 9, 10, 11, 99, 100, 127, 128, 200, 16384]
    for number in numbers:
        values = {
            f"{REDUCTIONS}mean/a": np.float32(number),
            f"{REDUCTIONS}min/a": np.float64(-number),
            f"{REDUCTIONS}activity/b": np.full(3, number, np.float32),
            "raw": np.full(2, number, np.float32),
        }
        save_step(tmp_path, number, values, mode_step=number // 2, checksums=checksums)
    found = read(tmp_path).steps()
    assert [step.number for step in found] == numbers
    for step in found:
        assert only(step, "a").statistic("mean") == step.number
        assert only(step, "a").statistic("min") == -step.number
        np.testing.assert_array_equal(only(step, "b").vector("activity"), [step.number] * 3)
        np.testing.assert_array_equal(only(step, "raw").values, [step.number] * 2)


def test_statistics_between_large_values_are_found(tmp_path: Path) -> None:
    large = np.zeros(20_000, np.float32)
    saved: dict[str, Any] = {}
    for each in range(4):
        saved |= {f"raw{each}": large + each, f"{REDUCTIONS}max/m{each}": np.float32(each)}
    save_step(tmp_path, 0, saved)
    (step,) = read(tmp_path).steps()
    assert [only(step, f"m{each}").statistic("max") for each in range(4)] == [0, 1, 2, 3]
    assert [only(step, f"raw{each}").statistic("min") for each in range(4)] == [0, 1, 2, 3]


def test_text_is_no_number_and_no_damage(tmp_path: Path) -> None:
    save_step(tmp_path, 0, {"names": np.array(["ant", "bee"]), "a": [1.0]})
    run = read(tmp_path)
    (step,) = run.steps()
    assert only(step, "names").values is None
    assert only(step, "a").statistic("mean") == 1.0
    assert run.left_out == 0


def test_collections_hold_names_and_patterns(tmp_path: Path) -> None:
    save_collections(
        tmp_path,
        {"weights": ["conv.weight"], "custom": ["kernel:0"], "losses": []},
        regexes={"losses": ["[Ll]oss_(?!input).*output", "("]},
    )
    saved = {"conv.weight": [1.0], f"{REDUCTIONS}mean/kernel": 1.0, "MyLoss_output_0": [2.0]}
    save_step(tmp_path, 0, saved)
    run = read(tmp_path)
    (step,) = run.steps()
    assert {each.name: set(each.collections) for each in step.tensors} == {
        "conv.weight": {"weights"},
        "kernel": {"custom"},
        "MyLoss_output_0": {"losses"},
    }
    assert [each.name for each in step.select("losses")] == ["MyLoss_output_0"]
    assert set(run.collections) == {"weights", "custom", "losses"}


def test_without_a_file_of_collections_names_decide(tmp_path: Path) -> None:
    names = {
        "Net_fc.weight": "weights",
        "gradient/Net_fc.weight": "gradients",
        "Net_fc.bias": "biases",
        "CrossEntropyLoss_output_0": "losses",
        "loss:0": "losses",
        "layer1.relu_output_0": "relu_output",
        "labels": "labels",
    }
    save_step(tmp_path, 0, {name: [1.0] for name in names})
    (step,) = read(tmp_path).steps()
    assert {each.name: list(each.collections) for each in step.tensors} == {
        name: [collection] for name, collection in names.items()
    }


def test_a_changed_file_of_collections_is_read_anew(tmp_path: Path) -> None:
    save_step(tmp_path, 0, {"x": [1.0]})
    save_collections(tmp_path, {"one": ["x"]})
    run = read(tmp_path)
    assert only(run.steps()[0], "x").collections == {"one"}
    save_collections(tmp_path, {"one": ["x"], "other": ["x"]})
    run.refresh()
    save_step(tmp_path, 1, {"x": [1.0]})
    run.refresh()
    assert only(run.steps()[1], "x").collections == {"one", "other"}


def test_a_step_holds_the_tensors_of_all_workers(tmp_path: Path) -> None:
    for worker in ("worker_0", "worker_10", "worker_2"):
        save_collections(tmp_path, {"losses": ["loss"]}, worker=worker, workers=3)
        save_step(tmp_path, 5, {"loss": [float(worker.rpartition("_")[2])]}, worker=worker)
    (step,) = read(tmp_path).steps()
    found = [(each.worker, each.statistic("max")) for each in step.tensors]
    assert found == [("worker_0", 0.0), ("worker_2", 2.0), ("worker_10", 10.0)]


def test_a_device_of_tensorflow_is_a_worker(tmp_path: Path) -> None:
    worker = "_job-worker_replica-0_task-1_device-GPU-0"
    save_step(tmp_path, 5, {"loss": [1.0]}, worker=worker)
    (step,) = read(tmp_path).steps()
    assert step.tensors[0].worker == worker


def test_files_under_their_older_names_are_read(tmp_path: Path) -> None:
    save_step(tmp_path, 5, {"x": [1.0]})
    save_collections(tmp_path, {"mine": ["x"]})
    for path in [*tmp_path.rglob("*.json")]:
        collections = path.name == "worker_0_collections.json"
        path.rename(path.with_name("collections.json") if collections else path.with_suffix(".csv"))
    (step,) = read(tmp_path).steps()
    assert only(step, "x").collections == {"mine"}


def test_a_folder_that_is_not_there_has_no_steps_yet(tmp_path: Path) -> None:
    run = read(tmp_path / "later")
    assert (run.steps(), run.fresh(), run.ended, run.left_out) == ([], [], False, 0)


def test_what_smdebugs_own_trial_reads_is_what_we_read(tmp_path: Path) -> None:
    from smdebug.trials import create_trial  # noqa: PLC0415

    save_collections(tmp_path, {"weights": ["w"]})
    for number in range(3):
        saved = {"w": np.full((2, 2), number, np.float32), f"{REDUCTIONS}abs_mean/g": number / 2}
        save_step(tmp_path, number, saved)
    (tmp_path / "training_job_end.ts").touch()
    trial = create_trial(str(tmp_path))
    for step in read(tmp_path).steps():
        theirs = trial.tensor("w").value(step.number)
        np.testing.assert_array_equal(only(step, "w").values, theirs)
        mean = trial.tensor("g").reduction_value(step.number, "mean", abs=True)
        assert only(step, "g").statistic("abs_mean") == mean
