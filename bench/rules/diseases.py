"""Trainings whose gradients, weights or activations are ill, and their healthy twins."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from bench.rules.case import Case
from bench.rules.networks import convolutions, stack
from bench.rules.training import train
from imageclf.debugger.rules.catalogue import RuleConfiguration

RULES = (
    RuleConfiguration.of("VanishingGradient"),
    RuleConfiguration.of("ExplodingTensor"),
    RuleConfiguration.of("DeadRelu"),
    RuleConfiguration.of("SaturatedActivation"),
    RuleConfiguration.of("PoorWeightInitialization", distribution_range="1e-6"),
    RuleConfiguration.of("WeightUpdateRatio"),
    RuleConfiguration.of("AllZero", collection_names="weights,gradients"),
    RuleConfiguration.of("UnchangedTensor", collection_names="weights"),
    RuleConfiguration.of("TensorVariance", collection_names="weights", max_threshold="10"),
)
"""With their documented defaults where there are any; but of PoorWeightInitialization, as the
gradients of most healthy networks are less than 0.001 wide."""


def _changed(make: Callable[[], nn.Module], change: Callable[[nn.Module], None]) -> nn.Module:
    network = make()
    with torch.no_grad():
        network.apply(change)
    return network


def _of(
    kinds: tuple[type[nn.Module], ...], do: Callable[[nn.Module], None]
) -> Callable[[nn.Module], None]:
    return lambda module: do(module) if isinstance(module, kinds) else None


_LAYERS = (nn.Conv2d, nn.Linear)


def _zero(module: nn.Module) -> None:
    for parameter in module.parameters(recurse=False):
        nn.init.zeros_(parameter)


def _freeze(module: nn.Module) -> None:
    module.requires_grad_(requires_grad=False)


def _widened(by: float) -> Callable[[nn.Module], None]:
    def widen(module: nn.Module) -> None:
        for parameter in module.parameters(recurse=False):
            parameter.mul_(by)

    return widen


def _pushed_down(module: nn.Module) -> None:
    """Bias what comes out so far down that no ReLU, sigmoid or tanh can answer to it."""
    assert isinstance(module.bias, torch.Tensor)
    nn.init.constant_(module.bias, -50)


plain = partial(convolutions, normalised=False)
leaky = partial(plain, activation=nn.LeakyReLU)
sigmoids = partial(stack, "sigmoid", nn.Sigmoid)
tanhs = partial(stack, "tanh", nn.Tanh)
relus = partial(stack, "relu", nn.ReLU)


def _sick(name: str, expects: str, run: Callable[[Path], None]) -> Case:
    return Case(name, run, RULES, frozenset(expects.split()))


def _with(
    make: Callable[[], nn.Module],
    kinds: tuple[type[nn.Module], ...],
    do: Callable[[nn.Module], None],
) -> Callable[[], nn.Module]:
    return partial(_changed, make, _of(kinds, do))


SICK = (
    _sick(
        "a learning rate of 10", "ExplodingTensor", partial(train, make=leaky, lr=10, momentum=0.9)
    ),
    _sick(
        "weights that begin at zero",
        "VanishingGradient PoorWeightInitialization AllZero",
        partial(train, make=_with(plain, _LAYERS, _zero)),
    ),
    _sick(
        "weights that begin a hundred times too wide",
        "PoorWeightInitialization",
        partial(train, make=_with(plain, _LAYERS, _widened(100)), lr=1e-6),
    ),
    _sick(
        "ReLUs killed by their biases",
        "DeadRelu",
        partial(train, make=_with(plain, (nn.Conv2d,), _pushed_down)),
    ),
    _sick(
        "ReLUs killed by large steps",
        "DeadRelu",
        partial(train, make=plain, lr=2, momentum=0.9, steps=20),
    ),
    _sick(
        "sigmoids with inputs that are too wide",
        "SaturatedActivation",
        partial(train, make=_with(partial(sigmoids, 2), (nn.Linear,), _widened(1e4))),
    ),
    _sick(
        "tanhs that their biases have saturated",
        "SaturatedActivation",
        partial(train, make=_with(partial(tanhs, 2), (nn.Linear,), _pushed_down)),
    ),
    _sick(
        "twelve sigmoids one after the other",
        "VanishingGradient",
        partial(train, make=partial(sigmoids, 12)),
    ),
    _sick(
        "a backbone that is frozen",
        "UnchangedTensor WeightUpdateRatio",
        partial(train, make=_with(convolutions, (nn.Conv2d, nn.BatchNorm2d), _freeze)),
    ),
    _sick(
        "a learning rate of 1e-12",
        "UnchangedTensor WeightUpdateRatio",
        partial(train, make=convolutions, lr=1e-12),
    ),
    _sick(
        "steps that throw the weights away",
        "WeightUpdateRatio",
        partial(train, make=_with(plain, (nn.Linear,), _widened(1e-3)), lr=50, steps=4),
    ),
    _sick(
        "a head with weights all over the place",
        "TensorVariance",
        partial(train, make=_with(convolutions, (nn.Linear,), _widened(30))),
    ),
)

HEALTHY = tuple(
    Case(name, run, RULES)
    for name, run in {
        "convolutions with normalisation": partial(train, make=convolutions),
        "convolutions without": partial(train, make=plain),
        "two tanhs": partial(train, make=partial(tanhs, 2)),
        "two sigmoids": partial(train, make=partial(sigmoids, 2), lr=0.5),
        "ReLUs alone": partial(train, make=partial(relus, 3)),
    }.items()
)

CASES = (*SICK, *HEALTHY)
