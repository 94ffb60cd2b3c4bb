"""Saved steps and states of rules made in memory, for debug reports to be made of."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imageclf.debugger import names
from imageclf.debugger.engine import RuleState
from imageclf.debugger.finding import Finding, Status
from imageclf.debugger.rules.catalogue import RuleConfiguration
from imageclf.debugger.saved import Mode, Saved, SavedStep

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
