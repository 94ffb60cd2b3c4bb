"""Networks whose weights were spoilt before the training begins."""

from collections.abc import Callable

import torch
from torch import nn

from bench.rules.training import Make

LAYERS = (nn.Conv2d, nn.Linear)
NORMS = (nn.BatchNorm2d,)

Change = Callable[[nn.Module], None]


def changed(make: Make, kinds: tuple[type[nn.Module], ...], change: Change) -> Make:
    """What `make` makes, with `change` done to all its layers of these kinds."""

    def spoilt() -> nn.Module:
        network = make()
        with torch.no_grad():
            for layer in network.modules():
                if isinstance(layer, kinds):
                    change(layer)
        return network

    return spoilt


def zeroed(layer: nn.Module) -> None:
    """Begin with weights and biases of zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def frozen(layer: nn.Module) -> None:
    """Learn nothing."""
    layer.requires_grad_(requires_grad=False)


def widened(by: float) -> Change:
    """Begin with weights and biases that are `by` times as large."""

    def widen(layer: nn.Module) -> None:
        for parameter in layer.parameters():
            parameter.mul_(by)

    return widen


def pushed_down(layer: nn.Module) -> None:
    """Give biases so far below zero that no ReLU, sigmoid or tanh behind can answer."""
    assert isinstance(layer.bias, torch.Tensor)
    nn.init.constant_(layer.bias, -50)
