"""Saved steps and states of rules made in memory, for debug reports to be made of."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imageclf.debugger import names
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Finding, Status

LAYERS = tuple(f"ResNet_layer{stage}.{block}.conv{n}.weight" for stage in (1, 2, 3, 4)
               for block in (0, 1) for n in (1, 2))  # fmt: skip
HOSTILE = "\"><script>document.title = 'run'</script><img src=x onerror=alert(1)>"


@dataclass
class FakeRun:
    """A run that was never saved."""

    given: Sequence[SavedStep] = ()
    notes: Sequence[str] = ()
    left_out: int = 0

    def steps(self) -> Sequence[SavedStep]:
        return self.given


def state(
    rule: str, *findings: Finding, name: str = "", parameters: Mapping[str, str] | None = None,
    **how: Any,
) -> RuleState:  # fmt: skip
    how = {"status": Status.ISSUES if findings else Status.NO_ISSUES} | how
    asked = RuleConfiguration(name or rule, rule, parameters or {})
    return RuleState(asked, findings=list(findings), looked=10, **how)


def finding(
    rule: str, step: int = 10, tensor: str = "", value: float = 2.5, **more: Any
) -> Finding:
    told: dict[str, Any] = {
        "mode": "TRAIN",
        "mode_step": step,
        "threshold": 1.0,
        "found": f"{tensor or 'The loss'} was {value:g} at step {step}, against a bound of 1.",
        "meaning": "The layers below it learn nothing.",
        "advice": "Try a tenth of the learning rate.",
    }
    return Finding(rule=rule, step=step, tensor=tensor, value=value, **told | more)


def steps(
    count: int, tensors: Callable[[int], Sequence[Saved]], every: int = 10, mode: Mode = Mode.TRAIN
) -> list[SavedStep]:
    """`count` saved steps; `tensors` gives what was saved at a step number."""
    return [
        SavedStep(number, mode, number, 1e9 + number, tuple(tensors(number)))
        for number in range(0, count * every, every)
    ]


def loss(value: float) -> Saved:
    return Saved(
        names.LOSS_TENSOR, frozenset({names.LOSSES}), shape=(), load=lambda: np.asarray(value)
    )


def training(count: int = 60) -> list[SavedStep]:
    """A training whose validation loss turns up half-way, with one validation in ten steps."""
    trained = steps(count, lambda n: [loss(2 * math.exp(-n / 150) + 0.02 * math.sin(n))])
    seen = [
        SavedStep(one.number + 5, Mode.EVAL, one.number, one.at_s, (loss(_turning(one.number)),))
        for one in trained[::5]
    ]
    return sorted([*trained, *seen], key=lambda one: one.number)


def _turning(number: int) -> float:
    return 0.9 * math.exp(-number / 100) + 0.5 + max(0, number - 250) / 500


def gradients(
    magnitude: Callable[[int, int], float], count: int = 60, layers: Sequence[str] = LAYERS
) -> list[SavedStep]:
    """Gradients of which `magnitude` gives abs_mean by layer (from 0, the first) and step."""

    def saved(number: int) -> list[Saved]:
        return [
            Saved(
                f"gradient/{name}",
                frozenset({names.GRADIENTS}),
                shape=(64, 3, 3, 3),
                saved_statistics={"abs_mean": np.asarray(magnitude(layer, number))},
            )
            for layer, name in enumerate(layers)
        ]

    return steps(count, saved)


RELUS = tuple(f"layer{stage}.{block}.relu_output_{n}" for stage in (1, 2, 3, 4)
              for block in (0, 1) for n in (0, 1))  # fmt: skip


def sick_run(count: int = 60) -> list[SavedStep]:
    """A training with something for each rule of `sick_states`."""
    chance = np.random.default_rng(0)

    def faded(layer: int, number: int) -> float:
        return float(10 ** (-6 + layer / 4 - number / 400 + chance.uniform(-0.3, 0.3)))

    by_number = {one.number: one.tensors for one in gradients(faded, count)}
    return [
        one
        if one.mode is Mode.EVAL
        else replace(
            one,
            at_s=one.at_s + (4000 if one.number > 250 else 0),
            tensors=(*one.tensors, *by_number[one.number], *_layers(one.number, chance)),
        )
        for one in training(count)
    ]


def _layers(number: int, chance: np.random.Generator) -> Sequence[Saved]:
    dying = max(0, number - 200) / 400
    activities = [np.clip(chance.random(64) - dying * i / 16, 0, 1) for i in range(len(RELUS))]
    ratios = 10 ** chance.uniform(-4, -2, len(LAYERS))
    batch = chance.normal(0.8, 0.5, (16, 3, 32, 32)).astype(np.float32)
    batch[:, 0, 8:24, 8:24] += 2
    return [
        *(_saved(name, names.RELU_OUTPUT, activity=activities[i]) for i, name in enumerate(RELUS)),
        *(_saved(name, names.WEIGHTS, update_ratio=ratios[i]) for i, name in enumerate(LAYERS)),
        *(_saved(f"{n}.relu_input_0", names.RELU_INPUT, variance=chance.random()) for n in "abc"),
        replace(_saved("Net_input_0", names.INPUTS), load=lambda: batch, shape=batch.shape),
    ]


def _saved(name: str, collection: str, **statistics: Any) -> Saved:
    values = {key: np.asarray(value) for key, value in statistics.items()}
    return Saved(name, frozenset({collection}), shape=(8, 64), saved_statistics=values)


def sick_states() -> list[RuleState]:
    """Nine rules that found something, one that did not, one that could not look."""
    counts = {str(label): 400 // (label + 1) ** 2 for label in range(4)}
    wrong = {str(label): count * label // 5 for label, count in enumerate(counts.values())}
    matrix = [[40, 2, 1, 0], [3, 38, 0, 1], [0, 0, 20, 22], [0, 0, 3, 40]]
    vanished = [
        finding("VanishingGradient", 400 + 40 * i, f"gradient/{LAYERS[i]}") for i in range(3)
    ]
    return [
        state("Overfit", finding("Overfit", 305, mode="EVAL")),
        state("VanishingGradient", *vanished, parameters={"threshold": "1e-7"}),
        state("DeadRelu", *(finding("DeadRelu", 400 + 10 * i, RELUS[-i - 1]) for i in range(6))),
        state("WeightUpdateRatio", finding("WeightUpdateRatio", 100, LAYERS[3])),
        state(
            "ClassImbalance",
            finding("ClassImbalance", 500, details={"class_counts": counts, "wrong": wrong}),
        ),
        state("Confusion", finding("Confusion", 305, details={"confusion": matrix})),
        state("CheckInputImages", finding("CheckInputImages", 310, "Net_input_0", threshold=0.2)),
        state("StalledTrainingRule", finding("StalledTrainingRule", 260)),
        state(
            "PoorWeightInitialization",
            finding("PoorWeightInitialization", 0, "b.relu_input_0"),
            finding("PoorWeightInitialization", 50, names.LOSS_TENSOR),
        ),
        state("LossNotDecreasing"),
        state("SaturatedActivation", status=Status.ERROR, details="Nothing to judge was saved."),
    ]
