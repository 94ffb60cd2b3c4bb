"""How rules tell what they found: once for as long as it lasts, with figures that JSON can hold."""

import sys
from collections.abc import Hashable, Mapping
from typing import Any

from imageclf.debugger.rules.base import Rule
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.rules.finding import Finding

LARGEST = sys.float_info.max
"""Stands for infinity in a finding: JSON has none."""


class Spells:
    """Remembers what is ill, so that a spell is told when it begins and not at every step."""

    def __init__(self) -> None:
        self._ill: set[Hashable] = set()

    def begins(self, key: Hashable, ill: bool) -> bool:
        """Whether `key` is ill and was not when it was last judged."""
        begins = ill and key not in self._ill
        (self._ill.add if ill else self._ill.discard)(key)
        return begins


def key_of(tensor: Saved) -> tuple[str, str]:
    """What tells a tensor from others: each worker's is one of its own."""
    return tensor.worker, tensor.name


def is_training(step: SavedStep) -> bool:
    """A step of training, or of a program that tells no modes."""
    return step.mode in {Mode.TRAIN, Mode.GLOBAL}


def finding(
    rule: Rule,
    step: SavedStep,
    tensor: Saved | None,
    *,
    value: float,
    threshold: float,
    found: str,
    meaning: str,
    advice: str,
    details: Mapping[str, Any] | None = None,
) -> Finding:
    """A finding of `rule` at `step`; about the run as a whole when `tensor` is None."""
    return Finding(
        rule=rule.name,
        step=step.number,
        mode=step.mode.name,
        mode_step=step.mode_step,
        tensor=tensor.name if tensor else "",
        value=max(-LARGEST, min(LARGEST, float(value))),
        threshold=float(threshold),
        found=found,
        meaning=meaning,
        advice=advice,
        worker=tensor.worker if tensor else "worker_0",
        details=dict(details or {}),
    )


def at(step: SavedStep) -> str:
    """Where a finding happened, as its sentence says it."""
    return f"at step {step.number}"
