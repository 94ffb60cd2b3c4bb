"""A small network, its training, and the reading of what was saved of it with smdebug itself."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imageclf.debugger.hook.foreign import ModeKeys, SaveConfig, subdued
from imageclf.debugger.hook.hook import Hook

with subdued():
    from smdebug.trials import create_trial

STATISTICS = {
    "weights": frozenset({"abs_mean", "l2"}),
    "gradients": frozenset({"abs_mean", "l2", "nans", "infs"}),
    "relu_output": frozenset({"activity"}),
    "losses": frozenset({"raw"}),
}


class Net(nn.Module):
    """Convolution, and one ReLU that is used twice and overwrites its input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(4, 2)

    def forward(self, images_bchw: Tensor) -> Tensor:
        maps = self.relu(self.bn(self.conv(images_bchw)))
        pooled = self.relu(maps.mean((2, 3)) - 0.2)
        logits_bk: Tensor = self.head(pooled)
        return logits_bk


def made(folder: Path, interval: int = 1, **settings: Any) -> Hook:
    """A hook that saves every step."""
    settings.setdefault("save_config", SaveConfig(save_interval=interval))
    hook = Hook(str(folder), **settings)
    hook.set_mode(ModeKeys.TRAIN)
    return hook


def batch(size: int = 6) -> tuple[Tensor, Tensor]:
    """Pictures and labels."""
    return torch.randn(size, 3, 8, 8), torch.randint(0, 2, (size,))


def train(
    network: nn.Module, hook: Hook, steps: int, each: Callable[[int], object] = int
) -> Iterator[Tensor]:
    """Steps as of a loop that knows nothing of the hook; gives each loss before its update."""
    loss_of = nn.CrossEntropyLoss()
    hook.register_loss(loss_of)
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    for step in range(steps):
        each(step)
        images_bchw, labels_b = batch()
        optimizer.zero_grad()
        loss = loss_of(network(images_bchw), labels_b)
        loss.backward()
        yield loss.detach()
        optimizer.step()


def trained(folder: Path, steps: int = 3, network: nn.Module | None = None, **settings: Any) -> Any:
    """smdebug's trial of a network that was trained for some steps."""
    torch.manual_seed(0)
    network = network or Net()
    hook = made(folder, **settings)
    hook.register_module(network)
    list(train(network, hook, steps))
    hook.close()
    assert hook.failure is None
    return read(folder)


def read(folder: Path) -> Any:
    """smdebug's trial of a folder."""
    with subdued():
        return create_trial(str(folder))
