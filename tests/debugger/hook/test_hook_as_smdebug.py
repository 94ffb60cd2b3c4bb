"""What smdebug's own tests hold its PyTorch hook to, held against ours.

- weights, biases and gradients are saved in full at the steps asked for, with the values that they
  had, from the constructor's arguments and from a JSON file alike;
- `save_all` saves inputs and outputs of all layers too, also of nested and of reused ones, whose
  names do not clash;
- several collections, one's own with regular expressions or with modules, each with its settings;
- steps of each mode are counted and saved for themselves;
- reductions, reductions of absolute values, norms and shapes;
- losses of a module and of a function; scalars; tensors of one's own;
- losses as curves and other tensors as histograms for TensorBoard, in the folders that smdebug
  takes; scalars as curves;
- one process writes unless all are asked to; the end is marked; the hook is smdebug's singleton;
- a network under `nn.DataParallel`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from imageclf.debugger.hook.foreign import (
    ModeKeys,
    ReductionConfig,
    SaveConfig,
    SaveConfigMode,
    subdued,
)
from imageclf.debugger.hook.hook import Hook
from tests.debugger.hook.small import Net, batch, made, read, train

with subdued():
    import smdebug.pytorch as smd
    from smdebug.core.reader import FileReader
    from smdebug.core.tfevent.event_file_reader import EventFileReader
    from smdebug.core.tfevent.proto.summary_pb2 import Summary

_WEIGHTS = ["conv.weight", "conv.bias", "bn.weight", "bn.bias", "head.weight", "head.bias"]


def _from_json(tmp_path: Path, content: dict[str, Any]) -> Hook:
    file = tmp_path / "debughookconfig.json"
    file.write_text(json.dumps({"LocalPath": str(tmp_path / "out"), **content}))
    hook = Hook.create_from_json_file(str(file))
    assert isinstance(hook, Hook)
    return hook


def _run(hook: Hook, steps: int = 4, network: nn.Module | None = None) -> Any:
    network = network or Net()
    hook.register_module(network)
    list(train(network, hook, steps))
    hook.close()
    assert hook.failure is None
    return read(Path(hook.out_dir))


def _names(trial: Any, regex: str) -> set[str]:
    return set(trial.tensor_names(regex=regex))


@pytest.mark.parametrize("by_json", [True, False])
def test_weights_biases_and_gradients_are_saved_at_the_steps_asked_for(
    tmp_path: Path, by_json: bool
) -> None:
    collections = ["weights", "biases", "gradients"]
    if by_json:
        hook = _from_json(
            tmp_path,
            {
                "HookParameters": {"save_steps": "1,2", "save_interval": "100", "start_step": 1},
                "CollectionConfigurations": [{"CollectionName": name} for name in collections],
            },
        )
    else:
        steps = SaveConfig(save_steps=[1, 2], start_step=1)
        hook = made(tmp_path / "out", save_config=steps, include_collections=collections)

    trial = _run(hook)

    assert trial.steps() == [1, 2]
    assert _names(trial, "^Net_") == {f"Net_{name}" for name in _WEIGHTS}
    assert _names(trial, "^gradient/") == {f"gradient/Net_{name}" for name in _WEIGHTS}
    assert trial.tensor("Net_conv.weight").value(2).shape == (4, 3, 3, 3)


def test_everything_is_saved_on_request_and_no_names_clash(tmp_path: Path) -> None:
    network = nn.Sequential()
    network.add_module("first", Net())
    network.add_module("relu", nn.ReLU())

    trial = _run(made(tmp_path, save_all=True), network=network)

    names = set(trial.tensor_names())
    for layer in ("first.conv", "first.bn", "first.head", "first", "relu", "Sequential"):
        assert {f"{layer}_input_0", f"{layer}_output_0"} <= names
    assert _names(trial, "relu_output") == {
        "first.relu_output_0",
        "first.relu_output_1",
        "relu_output_0",
    }
    assert trial.tensor("first.relu_output_1").value(3).shape == (6, 4)


def test_everything_is_saved_when_the_file_says_so(tmp_path: Path) -> None:
    hook = _from_json(tmp_path, {"HookParameters": {"save_all": "true", "save_interval": "2"}})

    trial = _run(hook)

    assert trial.steps() == [0, 2]
    assert {"bn_output_0", "gradient/Net_bn.bias", "CrossEntropyLoss_output_0"} <= set(
        trial.tensor_names()
    )


def test_collections_of_ones_own_have_their_own_settings(tmp_path: Path) -> None:
    hook = _from_json(
        tmp_path,
        {
            "HookParameters": {"save_interval": "100"},
            "CollectionConfigurations": [
                {
                    "CollectionName": "relus",
                    "CollectionParameters": {
                        "include_regex": "relu_output,bn_input",
                        "save_interval": "2",
                        "reductions": "min,abs_max,l1_norm,abs_l2_norm",
                    },
                },
                {"CollectionName": "biases", "CollectionParameters": {"end_step": "3"}},
            ],
        },
    )

    trial = _run(hook)

    relu = trial.tensor("relu_output_1")
    assert relu.steps() == [0, 2]
    reductions = {("min", False), ("max", True), ("l1", False), ("l2", True)}
    assert set(relu.reduction_values(2)) == reductions
    assert trial.collections()["relus"].tensor_names == {
        "relu_output_0",
        "relu_output_1",
        "bn_input_0",
    }
    assert trial.tensor("Net_head.bias").steps() == [0]


def test_modules_can_be_put_into_a_collection(tmp_path: Path) -> None:
    network = Net()
    hook = made(tmp_path, include_collections=["heads"])
    hook.get_collection("heads").add_module_tensors(network.head, inputs=True, outputs=True)

    trial = _run(hook, network=network)

    assert set(trial.tensor_names(collection="heads")) == {"head_input_0", "head_output_0"}


def test_modes_are_counted_and_saved_for_themselves(tmp_path: Path) -> None:
    save = {
        ModeKeys.TRAIN: SaveConfigMode(save_interval=2),
        ModeKeys.EVAL: SaveConfigMode(save_interval=3),
    }
    network, hook = Net(), made(tmp_path, save_config=save, include_collections=["gradients"])
    hook.register_module(network)
    list(train(network, hook, 3))
    hook.set_mode(ModeKeys.EVAL)
    criterion = nn.CrossEntropyLoss()
    hook.register_loss(criterion)
    for _ in range(4):
        images_bchw, labels_b = batch()
        criterion(network(images_bchw), labels_b)
    hook.close()

    trial = read(tmp_path)
    assert trial.steps() == [0, 2, 3, 6]
    assert trial.steps(mode=ModeKeys.TRAIN) == [0, 2]
    assert trial.steps(mode=ModeKeys.EVAL) == [0, 3]
    assert trial.tensor("gradient/Net_head.bias").steps(mode=ModeKeys.EVAL) == []


def test_without_a_mode_steps_are_global(tmp_path: Path) -> None:
    hook = Hook(str(tmp_path), save_config=SaveConfig(save_interval=2))

    trial = _run(hook)

    assert trial.steps() == trial.steps(mode=ModeKeys.GLOBAL) == [0, 2]
    assert trial.steps(mode=ModeKeys.TRAIN) == []


def test_reductions_are_those_of_the_values(tmp_path: Path) -> None:
    config = ReductionConfig(
        reductions=["min", "max", "mean", "std", "variance", "sum", "prod"],
        abs_reductions=["min", "max", "mean"],
        norms=["l1", "l2"],
        save_raw_tensor=True,
    )
    hook = made(tmp_path, include_collections=["weights"], reduction_config=config)

    weight = _run(hook).tensor("Net_conv.weight")

    values, found = weight.value(3), weight.reduction_values(3)
    assert len(found) == 12
    for (name, absolute), value in found.items():
        if name in {"std", "variance"}:  # of a sample, as smdebug's PyTorch hook has them
            expected = {"std": np.std, "variance": np.var}[name](values, ddof=1)
        else:
            of = np.abs(values) if absolute else values
            norms = {"l1": np.abs(of).sum(), "l2": np.sqrt(np.square(of).sum())}
            expected = norms[name] if name in norms else getattr(of, name)()
        assert value == pytest.approx(expected, rel=1e-4), name


def test_shapes_alone_can_be_saved(tmp_path: Path) -> None:
    config = ReductionConfig(save_shape=True)
    hook = made(tmp_path, save_all=True, reduction_config=config)

    trial = _run(hook)

    assert tuple(trial.tensor("conv_output_0").shape(1)) == (6, 4, 6, 6)
    assert tuple(trial.tensor("gradient/Net_head.weight").shape(1)) == (2, 4)
    assert trial.tensor("conv_output_0").reduction_values(1) == {}


def test_losses_of_a_module_and_of_a_function(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path)
    hook.register_module(network)
    for loss in train(network, hook, 3):
        hook.record_tensor_value("nll_loss", loss * 2)
    hook.close()

    trial = read(tmp_path)
    assert set(trial.tensor_names(collection="losses")) == {
        "CrossEntropyLoss_output_0",
        "nll_loss_output_0",
    }
    first = trial.tensor("CrossEntropyLoss_output_0")
    assert trial.tensor("nll_loss_output_0").value(2) == 2 * first.value(2)


def test_scalars_and_tensors_of_ones_own_are_saved(tmp_path: Path) -> None:
    network, hook = Net(), made(tmp_path, 2)
    hook.register_module(network)
    hook.save_scalar("begun", 1)

    def each(step: int) -> None:
        hook.save_scalar("doubled", 2 * step)
        hook.save_tensor(f"mine_{step}", torch.full((2, 2), step), "default")

    list(train(network, hook, 3, each))
    hook.save_scalar("ended", 7, timestamp=1234.5)
    hook.close()

    (written,) = [
        one
        for path in tmp_path.rglob("*.tfevents")
        for one in FileReader(str(path)).read_events(regex_list=["scalar/ended"])
    ]
    assert written["timestamp"] == 1234.5
    trial = read(tmp_path)
    assert trial.tensor("scalar/begun").value(0) == 1
    assert trial.tensor("scalar/doubled").value(2) == 4
    assert 7 in trial.tensor("scalar/ended").values().values()
    assert {"mine_0", "mine_1", "mine_2"} == set(trial.tensor_names(collection="default"))
    assert trial.tensor("mine_2").value(2).tolist() == [[2, 2], [2, 2]]


def _shown(folder: Path) -> dict[tuple[str, int], Summary.Value]:
    return {
        (value.tag, step): value
        for path in folder.rglob("*.tfevents")
        for step, summary in EventFileReader(str(path)).read_summaries(check="full")
        for value in summary.value
    }


def test_tensorboard_shows_losses_scalars_and_histograms(tmp_path: Path) -> None:
    hook = made(
        tmp_path / "out",
        2,
        include_collections=["weights", "gradients"],
        export_tensorboard=True,
    )
    hook.save_scalar("begun", 3)

    trial = _run(hook)

    shown = _shown(tmp_path / "out" / "tensorboard" / "TRAIN")
    loss = trial.tensor("CrossEntropyLoss_output_0").value(2)
    assert shown["CrossEntropyLoss_output_0", 2].simple_value == pytest.approx(float(loss))
    assert shown["scalar/begun", 0].simple_value == 3
    weight = shown["weights/Net_conv.weight", 2].histo
    assert (weight.num, weight.max) == (108, trial.tensor("Net_conv.weight").value(2).max())
    assert ("gradients/gradient/Net_head.bias", 2) in shown


@pytest.mark.parametrize(("export", "given"), [(True, None), (True, "tb"), (False, "tb")])
def test_tensorboards_folder_is_where_smdebug_would_have_it(
    tmp_path: Path, export: bool, given: str | None
) -> None:
    folder = None if given is None else str(tmp_path / given)
    hook = made(tmp_path / "out", export_tensorboard=export, tensorboard_dir=folder)

    assert hook.tensorboard_dir == (folder or str(tmp_path / "out" / "tensorboard"))
    assert made(tmp_path / "other").tensorboard_dir is None


def test_one_process_of_many_that_know_nothing_of_each_other_writes(tmp_path: Path) -> None:
    first, second = made(tmp_path), made(tmp_path)

    assert first.will_save()
    assert not second.will_save()
    first.close()
    assert not (tmp_path / "claim.smd").exists()


def test_the_end_is_marked_and_closing_twice_does_no_harm(tmp_path: Path) -> None:
    hook = made(tmp_path)
    _run(hook)
    hook.close()

    assert (tmp_path / "training_job_end.ts").exists()
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_hook_is_smdebugs_one_hook(tmp_path: Path) -> None:
    hook = made(tmp_path)

    assert smd.get_hook() is hook


def test_the_wrappings_of_a_network_leave_no_trace_in_names(tmp_path: Path) -> None:
    network = nn.DataParallel(Net())

    trial = _run(made(tmp_path, include_collections=["weights"]), network=network)

    assert _names(trial, "weight") == {f"Net_{name}" for name in _WEIGHTS if "weight" in name}


def _lines(captured: Sequence[str]) -> list[str]:
    return [line for text in captured for line in text.splitlines()]


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _run(made(tmp_path, include_collections=["weights"]))

    assert _lines(capfd.readouterr()) == []
