"""Losses as rules read them: the mean at a step, and validation passes.

A loss that was saved as a vector, one value for each picture, counts with its mean; so do the
losses of several workers.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from imageclf.debugger import names
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.selection import Selection
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.debugger.statistics import RAW
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

LOSSES = Selection((names.LOSSES,))

NEEDS: Needs = {names.LOSSES: frozenset({RAW})}
"""Whatever a pattern may find: nothing else that our hook saves is a single number."""


def each(step: SavedStep, selection: Selection = LOSSES) -> Iterator[tuple[Saved, float]]:
    """Each selected loss of a step with its mean, over the workers too.

    What is not in the collection of losses counts only if it is a single number.
    """
    means: dict[str, list[float]] = {}
    first: dict[str, Saved] = {}
    for tensor in selection.tensors(step):
        if names.LOSSES in tensor.collections or _is_scalar(tensor):
            mean = tensor.statistic("mean")
            if mean is not None:
                first.setdefault(tensor.name, tensor)
                means.setdefault(tensor.name, []).append(mean)
    for name, values in means.items():
        yield first[name], float(np.mean(values))


def mean_of(step: SavedStep, selection: Selection = LOSSES) -> float | None:
    """Mean of the selected losses of a step; None where there are none that are numbers."""
    losses = [loss for _, loss in each(step, selection) if math.isfinite(loss)]
    return float(np.mean(losses)) if losses else None


def _is_scalar(tensor: Saved) -> bool:
    if tensor.shape is not None:
        return math.prod(tensor.shape) == 1
    return tensor.values is not None and tensor.values.size == 1


class OnLosses(Rule):
    """A rule on the losses of training and validation.

    EVAL steps with no other between them are one validation pass, and its loss is their mean. A
    pass is judged when it is over: at the next step of another mode, or at the end of the run.
    """

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._pass: list[tuple[SavedStep, float]] = []
        self._modes: set[Mode] = set()

    @property
    def selection(self) -> Selection:
        """The losses that are looked at."""
        return LOSSES

    def needs(self) -> Needs:
        return NEEDS

    def look(self, step: SavedStep) -> Iterator[Finding]:
        loss = mean_of(step, self.selection)
        if loss is None:
            return
        self._modes.add(step.mode)
        if step.mode is Mode.EVAL:
            self._pass.append((step, loss))
            return
        yield from self.finish()
        if step.mode is Mode.TRAIN:
            yield from self._trained(step, loss)

    def finish(self) -> Iterator[Finding]:
        done, self._pass = self._pass, []
        if done:
            yield from self._validated(done[-1][0], float(np.mean([loss for _, loss in done])))

    def missing(self) -> str:
        absent = [mode.name for mode in (Mode.TRAIN, Mode.EVAL) if mode not in self._modes]
        if not absent:
            return ""
        return (
            f"{self.name} compares the losses of training and validation, and none were saved in "
            f"mode {' or '.join(absent)}; save the losses of both."
        )

    @abstractmethod
    def _trained(self, step: SavedStep, loss: float) -> Iterator[Finding]:
        """What is wrong after a step of training."""

    @abstractmethod
    def _validated(self, step: SavedStep, loss: float) -> Iterator[Finding]:
        """What is wrong after a validation pass, whose last step is `step`."""
