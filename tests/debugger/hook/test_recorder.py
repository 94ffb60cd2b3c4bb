"""The recorder in the loop of a tiny network: what is saved, and that nothing else changes."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imageclf import config
from imageclf.debugger.hook import settings, tensor_folder
from imageclf.debugger.hook.recorder import NoRecorder, Recorder
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.debugger.tensors.run import Run

GRADIENTS = "gradient/Tiny_head.weight"
RAW = {
    "CollectionConfigurations": [
        {"CollectionName": name, "CollectionParameters": {"train.save_interval": "1"}}
        for name in ("gradients", "weights", "labels", "predictions", "inputs")
    ]
}


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(6, 8)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.drop(self.relu(self.body(x))))
        return out


class Training:
    """A loop as the learner's, step by step; remembers what it computed."""

    def __init__(self, recorder: NoRecorder, scale: float = 0.0, clip: float = 0.0) -> None:
        torch.manual_seed(0)
        self.network = Tiny()
        self.recorder = recorder
        self.scaler = torch.amp.GradScaler("cpu", init_scale=scale or 1.0, enabled=scale > 0)
        self.optimizer = torch.optim.SGD(self.network.parameters(), 0.1, momentum=0.9)
        self.clip = clip
        self.seen: list[dict[str, Any]] = []

    def begin(self, steps: int = 0, passes: int = 0) -> None:
        self.recorder.begin(self.network, steps, passes)

    def step(self, spoil: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        x, y = torch.randn(5, 6), torch.randint(0, 3, (5,))
        self.recorder.step_begins()
        before = self.network.head.weight.detach().clone()
        logits = self.network(spoil(x))
        loss = nn.functional.cross_entropy(logits, y, reduction="sum")
        self.recorder.computed(loss, y, logits)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.recorder.gradients(self.scaler)
        self.scaler.unscale_(self.optimizer)
        found = self.network.head.weight.grad
        gradient = None if found is None else found.clone()
        if self.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.recorder.step_ends()
        self.seen.append(
            {"x": x, "loss": loss.item() / 5, "y": y, "logits": logits, "weight": before}
            | {"gradient": gradient}
        )


def recorder(folder: Path, hook: dict[str, Any] | None = None, **given: str) -> Recorder:
    wanted = settings.of(config.parse(given), hook or {}, {})
    folder.mkdir(exist_ok=True)
    return Recorder(wanted, folder, None, ends=True)


def steps(folder: Path) -> list[SavedStep]:
    run = Run(folder)
    run.refresh()
    return run.steps()


def tensors(step: SavedStep) -> dict[str, Saved]:
    return {one.name: one for one in step.tensors}


def values(step: SavedStep, name: str) -> Any:
    found = tensors(step)[name].values
    assert found is not None
    return found


def test_what_a_step_computed_is_what_is_saved(tmp_path: Path) -> None:
    training = Training(recorder(tmp_path, RAW, debug="overfit", debug_interval="2"))
    training.begin()
    for _ in range(3):
        training.step()
    training.recorder.close()
    found = steps(tmp_path)
    assert [(one.number, one.mode, one.mode_step) for one in found] == [
        (number, Mode.TRAIN, number) for number in range(3)
    ]
    for seen, one in zip(training.seen, found, strict=True):
        assert values(one, "labels") == pytest.approx(seen["y"].numpy())
        assert values(one, "predictions") == pytest.approx(seen["logits"].argmax(1).numpy())
        assert values(one, "Tiny_head.weight") == pytest.approx(seen["weight"].numpy())
        assert values(one, GRADIENTS) == pytest.approx(seen["gradient"].numpy())
        assert values(one, "Tiny_input_0") == pytest.approx(seen["x"].numpy())
    losses = [tensors(one).get("CrossEntropyLoss_output_0") for one in found]
    assert [one is not None for one in losses] == [True, False, True]
    assert losses[0] is not None
    assert float(losses[0].values) == pytest.approx(training.seen[0]["loss"])  # type: ignore[arg-type]


def test_a_few_small_pictures_of_what_the_network_sees_are_kept_once(tmp_path: Path) -> None:
    recording = recorder(tmp_path, debug="check_input_images", debug_interval="1")
    recording.begin(Tiny(), 0, 0)
    images = torch.randn(20, 3, 150, 100)
    for _ in range(2):
        recording.step_begins()
        recording.given(images)
        recording.step_ends()
    recording.close()
    first, *later = steps(tmp_path)
    sample = values(first, "input_sample")
    assert sample == pytest.approx(images[:8, :, ::3, ::3].numpy())
    assert not any("input_sample" in tensors(one) for one in later)


@pytest.mark.parametrize(("scale", "clip"), [(1024.0, 0.0), (0.0, 0.01), (64.0, 0.01)])
def test_gradients_are_saved_unscaled_and_before_they_are_clipped(
    tmp_path: Path, scale: float, clip: float
) -> None:
    training = Training(recorder(tmp_path, RAW), scale, clip)
    training.begin()
    training.step()
    training.recorder.close()
    (one,) = steps(tmp_path)
    expected = training.seen[0]["gradient"].numpy()
    assert np.linalg.norm(expected) > 0.1
    assert values(one, GRADIENTS) == pytest.approx(expected, rel=1e-5)


def test_the_training_goes_the_very_same_way_with_and_without(tmp_path: Path) -> None:
    plain = Training(NoRecorder())
    watched = Training(recorder(tmp_path, RAW, debug="standard", debug_interval="2"))
    for training in (plain, watched):
        training.begin()
        torch.manual_seed(1)
        for _ in range(5):
            training.step()
        with training.recorder.validating():
            training.network(torch.randn(2, 6))
        training.recorder.validated(1.0, np.arange(3), np.eye(3, dtype=np.float32))
        for _ in range(3):
            training.step()
        training.recorder.close()
    ours, theirs = plain.network.state_dict(), watched.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert len(steps(tmp_path)) == 9


def test_a_pass_over_validation_is_one_step(tmp_path: Path) -> None:
    training = Training(recorder(tmp_path, debug="overfit,class_imbalance", debug_interval="1"))
    training.begin()
    training.step()
    labels, logits = np.array([2, 0, 1, 1]), np.eye(4, 3, dtype=np.float32)
    for loss in (0.75, 0.5):
        with training.recorder.validating():
            for _ in range(3):
                training.network(torch.randn(2, 6))
        training.recorder.validated(loss, labels, logits)
    training.step()
    training.recorder.close()
    found = steps(tmp_path)
    assert [(one.number, one.mode, one.mode_step) for one in found] == [
        (0, Mode.TRAIN, 0),
        (1, Mode.EVAL, 0),
        (2, Mode.EVAL, 1),
        (3, Mode.TRAIN, 1),
    ]
    assert float(values(found[2], "CrossEntropyLoss_output_0")) == 0.5
    assert values(found[1], "labels").tolist() == [2, 0, 1, 1]
    assert values(found[1], "predictions").tolist() == [0, 1, 2, 0]


def test_a_resumed_run_counts_on(tmp_path: Path) -> None:
    for steps_before, passes in ((0, 0), (4, 1)):
        before = steps_before + passes
        tensor_folder.prepare(tmp_path, "one", before or None, own=True)
        training = Training(recorder(tmp_path, debug="overfit", debug_interval="2"))
        training.begin(steps_before, passes)
        for _ in range(4):
            training.step()
        training.recorder.validated(1.0, np.arange(3), np.eye(3, dtype=np.float32))
        training.recorder.close()
    assert [(one.number, one.mode.name, one.mode_step) for one in steps(tmp_path)] == [
        (0, "TRAIN", 0),
        (2, "TRAIN", 2),
        (4, "EVAL", 0),
        (5, "TRAIN", 4),
        (7, "TRAIN", 6),
        (9, "EVAL", 1),
    ]


def test_layers_that_learn_later_have_gradients_from_then_on(tmp_path: Path) -> None:
    training = Training(recorder(tmp_path, debug="vanishing_gradient", debug_interval="1"))
    training.network.body.requires_grad_(False)
    training.begin()
    training.step()
    training.network.body.requires_grad_(True)
    training.step()
    training.recorder.close()
    first, second = ({n for n in tensors(one) if n[:8] == "gradient"} for one in steps(tmp_path))
    assert first == {GRADIENTS, "gradient/Tiny_head.bias"}
    assert second - first == {"gradient/Tiny_body.weight", "gradient/Tiny_body.bias"}


def test_the_step_at_which_a_training_fails_is_saved_though_it_was_not_due(tmp_path: Path) -> None:
    training = Training(recorder(tmp_path, debug="exploding_tensor", debug_interval="10"))
    training.begin()
    training.step()
    training.step()
    training.step(spoil=lambda x: x * torch.nan)
    training.recorder.last_step()
    training.recorder.close()
    found = steps(tmp_path)
    assert [one.number for one in found] == [0, 2]
    assert np.isnan(float(values(found[1], "CrossEntropyLoss_output_0")))
    assert tensors(found[1])[GRADIENTS].statistic("nans") == 24


def test_a_failing_step_that_was_due_is_saved_once(tmp_path: Path) -> None:
    training = Training(recorder(tmp_path, debug="exploding_tensor", debug_interval="1"))
    training.begin()
    training.step(spoil=lambda x: x * torch.nan)
    training.recorder.last_step()
    training.recorder.close()
    assert [one.number for one in steps(tmp_path)] == [0]
    assert training.recorder.fault == ""


def test_a_disk_that_takes_nothing_more_ends_the_recording_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "tensors"
    training = Training(recorder(folder, debug="overfit", debug_interval="1"))
    training.begin()
    training.step()
    folder.rename(tmp_path / "gone")
    folder.write_text("in the way")
    for _ in range(3):
        training.step()
    with training.recorder.validating():
        training.network(torch.randn(2, 6))
    training.recorder.close()
    assert len(training.seen) == 4
    assert training.recorder.fault.startswith("Recording ended before the training did: ")
    assert len(caplog.records) == 1
    assert [one.number for one in steps(tmp_path / "gone")] == [0]


def test_a_fault_of_the_recorder_itself_does_not_reach_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = recorder(tmp_path, debug="overfit", debug_interval="1")
    training = Training(one)
    training.begin()

    def fake_broken_record(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(one._hook, "record", fake_broken_record)
    for _ in range(2):
        training.step()
    training.recorder.close()
    assert one.fault == "Recording ended before the training did: division by zero."
    assert len(caplog.records) == 1
    assert (tmp_path / "training_job_end.ts").exists()


def test_after_the_end_the_network_is_as_it_was(tmp_path: Path) -> None:
    training = Training(recorder(tmp_path, debug="standard", debug_interval="1"))
    training.begin()
    training.step()
    training.recorder.close()
    training.recorder.close()
    for _ in range(2):
        training.network(torch.randn(2, 6))
    assert [one.number for one in steps(tmp_path)] == [0]


def test_both_recorders_are_talked_to_alike() -> None:
    for name, method in inspect.getmembers(NoRecorder, inspect.isfunction):
        assert inspect.signature(method) == inspect.signature(getattr(Recorder, name)), name
