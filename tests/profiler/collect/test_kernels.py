import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from imageclf.profiler.collect import kernels
from imageclf.profiler.collect.kernels import NoWindows
from imageclf.profiler.settings import Window
from tests.profiler.collect.limits import largest_file

WORKER = "algo-1-0"


class Training:
    """Trains a tiny network, the same each time."""

    def __init__(self) -> None:
        torch.manual_seed(7)
        self.network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        self.images, self.labels = torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 0, 1])
        self.network(self.images)
        self.optimiser = torch.optim.SGD(self.network.parameters(), 0.1, momentum=0.9)

    def step(self) -> float:
        self.optimiser.zero_grad()
        noise = torch.rand_like(self.images)
        loss = nn.functional.cross_entropy(self.network(self.images + noise), self.labels)
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def run(
        self, windows: NoWindows, steps: int, first: int = 0, epoch: int | None = None
    ) -> list[float]:
        """`epoch` is the number of steps of an epoch: all of them, unless it is given."""
        losses, length = [], epoch or steps
        for done, step in enumerate(range(first, first + steps)):
            windows.step_begins(step, length - done % length)
            losses.append(self.step())
            windows.step_ends(step)
        return losses


def made(folder: Path, window: Window | None, board: Path | None = None) -> NoWindows:
    return kernels.make(window, folder, WORKER, board, is_cuda=False)


def traces(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "kernels").glob("*"))


def read(path: Path) -> dict[str, Any]:
    with gzip.open(path) as file:
        content = json.load(file)
    assert isinstance(content, dict)
    return content


def steps_in(trace: dict[str, Any]) -> list[str]:
    found = [one for one in trace["traceEvents"] if one["name"].startswith("ProfilerStep#")]
    return [one["name"] for one in sorted(found, key=lambda one: one["ts"])]


def test_the_steps_of_the_window_are_in_the_trace_and_no_others(tmp_path: Path) -> None:
    windows = made(tmp_path, Window(first_step=2, steps=3))
    Training().run(windows, 8)
    windows.close()
    assert traces(tmp_path) == [f"{WORKER}-2.pt.trace.json.gz"] and not windows.fault
    trace = read(tmp_path / "kernels" / traces(tmp_path)[0])
    assert steps_in(trace) == ["ProfilerStep#2", "ProfilerStep#3", "ProfilerStep#4"]
    facts = trace["imageclf"]
    assert (facts["worker"], facts["first_step"], facts["steps"]) == (WORKER, 2, 3)
    backward = [one for one in trace["traceEvents"] if "ConvolutionBackward0" in one["name"]]
    assert len(backward) >= 3 and any(one["name"] == "[memory]" for one in trace["traceEvents"])


def test_a_training_that_goes_on_from_a_checkpoint_is_looked_into_as_late(tmp_path: Path) -> None:
    windows = made(tmp_path, Window(first_step=2, steps=1))
    Training().run(windows, 5, first=100)
    assert traces(tmp_path) == [f"{WORKER}-102.pt.trace.json.gz"]


def test_a_window_may_begin_with_the_first_step(tmp_path: Path) -> None:
    windows = made(tmp_path, Window(first_step=0, steps=2))
    Training().run(windows, 3)
    assert traces(tmp_path) == [f"{WORKER}-0.pt.trace.json.gz"] and not windows.fault


@pytest.mark.parametrize(("first", "found"), [(1, 1), (2, 5), (3, 5), (4, 5), (5, 5), (6, 9)])
def test_a_window_waits_for_an_epoch_that_holds_it_and_its_warm_up(
    tmp_path: Path, first: int, found: int
) -> None:
    windows = made(tmp_path, Window(first_step=first, steps=3))
    Training().run(windows, 12, epoch=4)
    assert traces(tmp_path) == [f"{WORKER}-{found}.pt.trace.json.gz"] and not windows.fault


def test_a_window_longer_than_any_epoch_begins_with_one(tmp_path: Path) -> None:
    windows = made(tmp_path, Window(first_step=2, steps=5))
    Training().run(windows, 12, epoch=3)
    assert traces(tmp_path) == [f"{WORKER}-4.pt.trace.json.gz"] and not windows.fault


def test_a_training_that_ends_within_the_window_keeps_what_it_did(tmp_path: Path) -> None:
    windows = made(tmp_path, Window(first_step=1, steps=50))
    Training().run(windows, 3)
    windows.close()
    windows.close()
    (name,) = traces(tmp_path)
    trace = read(tmp_path / "kernels" / name)
    assert steps_in(trace) == ["ProfilerStep#1", "ProfilerStep#2"]
    assert trace["imageclf"]["steps"] == 2


@pytest.mark.parametrize("steps", [0, 3, 5], ids=["none", "before", "warming up"])
def test_a_training_that_ends_before_the_window_says_so(tmp_path: Path, steps: int) -> None:
    windows = made(tmp_path, Window(first_step=5, steps=2))
    Training().run(windows, steps)
    windows.close()
    assert "ended before" in windows.fault and traces(tmp_path) == []
    with profile(activities=[ProfilerActivity.CPU]) as after:
        torch.ones(1)
    assert len(after.events()) > 0


def test_losses_and_random_numbers_are_the_same_with_and_without(tmp_path: Path) -> None:
    plain, looked_into = Training(), Training()
    torch.manual_seed(3)
    expected = plain.run(NoWindows(), 6), torch.rand(3)
    torch.manual_seed(3)
    found = looked_into.run(made(tmp_path, Window(1, 3)), 6), torch.rand(3)
    assert found[0] == expected[0] and torch.equal(found[1], expected[1])
    for one, other in zip(
        plain.network.parameters(), looked_into.network.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_tensorboard_gets_the_trace_by_a_name_that_its_plugin_knows(tmp_path: Path) -> None:
    windows = made(tmp_path / "profile", Window(0, 1), tmp_path / "board")
    Training().run(windows, 2)
    (path,) = (tmp_path / "board").iterdir()
    # torch_tb_profiler/consts.py: WORKER_PATTERN
    matched = re.fullmatch(r"(.*?)(\.\d+)?\.pt\.trace\.json(?:\.gz)?", path.name)
    assert matched is not None and matched[1] == "algo-1_0" and matched[2]
    assert steps_in(read(path)) == ["ProfilerStep#0"]


def test_without_a_window_nothing_happens(tmp_path: Path) -> None:
    for window in (None, Window(0, 0)):
        windows = made(tmp_path, window)
        Training().run(windows, 2)
        windows.close()
        assert list(tmp_path.iterdir()) == [] and not windows.fault


@pytest.mark.parametrize("harm", ["in the step", "before it"])
def test_a_training_that_fails_in_the_window_still_has_its_trace(tmp_path: Path, harm: str) -> None:
    windows = made(tmp_path, Window(1, 9))
    training = Training()
    training.run(windows, 3)
    if harm == "in the step":
        windows.step_begins(3, left=100)
        training.step()
    windows.close()
    (name,) = traces(tmp_path)
    assert read(tmp_path / "kernels" / name)["imageclf"]["steps"] == 2


def _no_folder(folder: Path, go_on: Callable[[], Any]) -> None:
    (folder / "kernels").write_text("in the way")
    go_on()


def _full_disk(folder: Path, go_on: Callable[[], Any]) -> None:
    with largest_file(1000):
        go_on()


def _nearly_full_disk(folder: Path, go_on: Callable[[], Any]) -> None:
    (folder / "kernels").mkdir()
    with largest_file(30_000):
        go_on()


def _other_profiler(folder: Path, go_on: Callable[[], Any]) -> None:
    with profile(activities=[ProfilerActivity.CPU]) as other:
        go_on()
    assert any("conv2d" in str(one.name) for one in other.events() or ())


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_no_folder, "File exists"),
        (_full_disk, "no whole trace"),
        (_nearly_full_disk, "no whole trace"),
        (_other_profiler, "another profiler is running"),
    ],
    ids=["no folder", "full disk", "nearly full disk", "other profiler"],
)
def test_a_fault_ends_the_window_and_not_the_training(
    tmp_path: Path, harm: Callable[..., None], said: str, caplog: Any
) -> None:
    windows = made(tmp_path, Window(1, 2))
    losses: list[float] = []
    harm(tmp_path, lambda: losses.extend(Training().run(windows, 5)))
    windows.close()
    assert len(losses) == 5 and losses == Training().run(NoWindows(), 5)
    assert said in windows.fault and len(caplog.records) == 1
    assert not [path for path in tmp_path.rglob("*") if path.name != "kernels"]


def test_the_log_stays_quiet(tmp_path: Path) -> None:
    """Kineto and torch write to standard error by themselves, past Python."""
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.profiler.collect.test_kernels import Training, Window, made\n"
        "training = Training(); training.run(made(Path(sys.argv[1]), None), 2)\n"
        "training.run(made(Path(sys.argv[1]), Window(1, 3)), 6)\n"
        "print('written to standard error after', file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "KINETO_LOG_LEVEL"},
    )
    assert ended.stderr.splitlines() == ["written to standard error after"]
    assert len(traces(tmp_path)) == 1
