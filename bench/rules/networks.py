"""Tiny networks and pictures for trainings of a few steps."""

from collections import OrderedDict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

CLASSES = 4
SIZE = 8
BATCH = 16


def pictures(seed: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches [16, 3, 8, 8] without end: each class a pattern of its own under noise."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.randn(CLASSES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(99))
    while True:
        labels_b = torch.arange(BATCH) % CLASSES
        noise = torch.randn(BATCH, 3, SIZE, SIZE, generator=generator)
        yield (patterns[labels_b] + 0.5 * noise) / 1.12, labels_b


def convolutions(
    width: int = 8, normalised: bool = True, activation: Callable[[], nn.Module] = nn.ReLU
) -> nn.Sequential:
    """Three convolutions with ReLUs (or another activation in their place), and a linear head."""
    channels = (3, width, width, width)
    blocks = {
        f"block{n}": _block(channels[n], channels[n + 1], normalised, activation)
        for n in range(len(channels) - 1)
    }
    head = {
        "pool": nn.AdaptiveAvgPool2d(1),
        "flat": nn.Flatten(),
        "head": nn.Linear(width, CLASSES),
    }
    return nn.Sequential(OrderedDict(**blocks, **head))


def _block(
    before: int, after: int, normalised: bool, activation: Callable[[], nn.Module]
) -> nn.Sequential:
    norm = nn.BatchNorm2d(after) if normalised else nn.Identity()
    conv = nn.Conv2d(before, after, 3, padding=1, bias=not normalised)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    return nn.Sequential(OrderedDict(conv=conv, norm=norm, relu=activation()))


def stack(
    kind: str, activation: Callable[[], nn.Module], depth: int, width: int = 32
) -> nn.Sequential:
    """Linear layers, each with an activation that is named `kind`."""
    layers: dict[str, nn.Module] = {"flat": nn.Flatten()}
    before = 3 * SIZE * SIZE
    for number in range(depth):
        linear = nn.Linear(before, width)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="relu" if kind == "relu" else "linear")
        layers[f"layer{number}"] = nn.Sequential(
            OrderedDict({"linear": linear, kind: activation()})
        )
        before = width
    return nn.Sequential(OrderedDict(**layers, head=nn.Linear(before, CLASSES)))
