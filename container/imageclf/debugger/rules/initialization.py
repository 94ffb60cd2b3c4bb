"""PoorWeightInitialization: the first steps show whether the weights began well.

Three checks, as documented: whether the inputs of the activations have about the same variance in
all layers, whether the gradients of each layer are spread out, and whether the loss comes down.
Steps are saved training steps.
"""

from collections.abc import Callable, Iterator

import numpy as np
from pydantic import Field

from imageclf.debugger import names, statistics
from imageclf.debugger.rules import gradients
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.selection import Patterns, Selection, split
from imageclf.debugger.rules.telling import LARGEST, Spells, at, finding, is_training
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

Measured = list[tuple[Saved, float]]
"""Tensors with something that was measured of each."""

_ADVICE = (
    "Start from pretrained weights (pretrained=imagenet); for a network of your own use He "
    "initialisation before ReLUs and Xavier before tanh or sigmoid, with a normalisation after "
    "each convolution."
)


class PoorWeightInitializationParameters(RuleParameters):
    """As documented; `steps` is how many saved steps are looked at, `patience` counts likewise."""

    activation_inputs_regex: Patterns = ".*relu_input|.*ReLU_input"
    threshold: float = 10.0
    distribution_range: float = 0.001
    patience: int = Field(default=5, ge=1)
    steps: int = Field(default=10, ge=1)


class PoorWeightInitialization(Rule):
    """Fires in the first `steps` saved training steps, for one of three reasons.

    The largest variance of an activation's input is more than `threshold` times the smallest; the
    smallest gap between the 5th and the 95th percentile of a gradient is below
    `distribution_range`; the loss has not come below its best for `patience` steps.
    """

    name = "PoorWeightInitialization"
    Parameters = PoorWeightInitializationParameters
    parameters: PoorWeightInitializationParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        regex = self.parameters.activation_inputs_regex
        documented = PoorWeightInitializationParameters().activation_inputs_regex
        by_type = (names.RELU_INPUT,) if regex in {None, documented} else ()
        self._inputs = Selection(by_type, split(regex))
        self._spells = Spells()
        self._seen = 0
        self._best = np.inf
        self._waited = 0

    def needs(self) -> Needs:
        inputs = Selection(self._inputs.collections) or self._inputs
        return {
            **inputs.needs("variance"),
            names.GRADIENTS: frozenset({statistics.Q05, statistics.Q95, "abs_mean"}),
            names.LOSSES: frozenset({"mean"}),
        }

    def look(self, step: SavedStep) -> Iterator[Finding]:
        if not is_training(step) or self._seen >= self.parameters.steps:
            return
        variances = _measured(self._inputs.tensors(step), _variance)
        ranges = self._ranges(step)
        losses = _measured(step.select(collection=names.LOSSES), _mean)
        if not (variances or ranges or losses):
            return
        self._seen += 1
        self.looked += 1
        yield from self._look_at_variances(step, variances)
        yield from self._look_at_gradients(step, ranges)
        yield from self._look_at_loss(step, losses)

    def _look_at_variances(self, step: SavedStep, variances: Measured) -> Iterator[Finding]:
        for worker, of_worker in _by_worker(variances).items():
            largest, smallest = max(of_worker, key=_rank), min(of_worker, key=_rank)
            ratio = _ratio(_value(largest), _value(smallest))
            if self._spells.begins(("variance", worker), ratio > self.parameters.threshold):
                yield self._uneven(step, of_worker, largest, smallest, ratio)

    def _uneven(
        self,
        step: SavedStep,
        variances: Measured,
        largest: tuple[Saved, float],
        smallest: tuple[Saved, float],
        ratio: float,
    ) -> Finding:
        return finding(
            self,
            step,
            largest[0],
            value=ratio,
            threshold=self.parameters.threshold,
            found=f"The inputs of activations vary by {_value(largest):.3g} in {largest[0].name} "
            f"and by {_value(smallest):.3g} in {smallest[0].name} {at(step)}: "
            + (
                f"more than {self.parameters.threshold:g} times apart."
                if _value(smallest)
                else "the same for all pictures."
            ),
            meaning="What goes through the network grows or fades from layer to layer, and so "
            "will its gradients.",
            advice=_ADVICE,
            details={"variances": {one.name: min(value, LARGEST) for one, value in variances}},
        )

    def _ranges(self, step: SavedStep) -> Measured:
        known, bound = gradients.measured(step, _range), self.parameters.distribution_range
        return [one for key, one in known.items() if not gradients.is_idle_bias(key, known, bound)]

    def _look_at_gradients(self, step: SavedStep, ranges: Measured) -> Iterator[Finding]:
        for worker, of_worker in _by_worker(ranges).items():
            narrowest, width = min(of_worker, key=_rank)
            bound = self.parameters.distribution_range
            if self._spells.begins(("gradients", worker), width < bound):
                narrow = sum(value < bound for _, value in of_worker)
                yield self._narrow(step, narrowest, width, narrow, len(of_worker))

    def _narrow(
        self, step: SavedStep, narrowest: Saved, width: float, number: int, of: int
    ) -> Finding:
        return finding(
            self,
            step,
            narrowest,
            value=width,
            threshold=self.parameters.distribution_range,
            found=f"The 5th and 95th percentile of {narrowest.name} are {width:.3g} apart "
            f"{at(step)}, less than {self.parameters.distribution_range:g}, and so it is with "
            f"{number} of {of} gradients.",
            meaning="Gradients that are all alike teach all units the same, or nothing.",
            advice=_ADVICE,
            details={"narrow": number, "gradients": of},
        )

    def _look_at_loss(self, step: SavedStep, losses: Measured) -> Iterator[Finding]:
        if not losses:
            return
        loss = float(np.mean([value for _, value in losses]))
        came_down = loss < self._best or self._best == np.inf
        self._waited = 0 if came_down else self._waited + 1
        self._best = min(self._best, loss)
        if self._spells.begins("loss", self._waited >= self.parameters.patience):
            yield self._stuck(step, min(losses, key=_rank)[0], loss)

    def _stuck(self, step: SavedStep, tensor: Saved, loss: float) -> Finding:
        return finding(
            self,
            step,
            tensor,
            value=self._waited,
            threshold=self.parameters.patience,
            found=f"The loss is {loss:.4g} {at(step)} and has not come below {self._best:.4g} for "
            f"{self._waited} saved steps.",
            meaning="From these weights the loss does not come down.",
            advice=f"{_ADVICE} Also try another lr: a tenth if the loss jumps, ten times as much "
            "if it stands still.",
        )


def _measured(tensors: Iterator[Saved], measure: Callable[[Saved], float | None]) -> Measured:
    """Each tensor with its measure, where that is a number."""
    found = ((tensor, measure(tensor)) for tensor in tensors)
    return [(tensor, value) for tensor, value in found if value is not None and not np.isnan(value)]


def _by_worker(measured: Measured) -> dict[str, Measured]:
    found: dict[str, Measured] = {}
    for tensor, value in measured:
        found.setdefault(tensor.worker, []).append((tensor, value))
    return found


def _value(measured: tuple[Saved, float]) -> float:
    return measured[1]


def _rank(measured: tuple[Saved, float]) -> tuple[float, str]:
    """By value, then by name: tensors come in another order from another hook."""
    return measured[1], measured[0].name


def _variance(tensor: Saved) -> float | None:
    return tensor.statistic("variance")


def _mean(tensor: Saved) -> float | None:
    return tensor.statistic("mean")


def _range(tensor: Saved) -> float | None:
    """How far the percentiles are apart.

    Where both are next to nothing beside the mean size of all values, nine tenths of these are, and
    that mean stands for it: of a kernel that is larger than its picture only the middle learns.
    """
    low, high = tensor.statistic(statistics.Q05), tensor.statistic(statistics.Q95)
    if low is None or high is None:
        return None
    size = tensor.statistic("abs_mean") or 0.0
    return size if max(-low, high) < size / 2 else high - low


def _ratio(largest: float, smallest: float) -> float:
    return largest / smallest if smallest > largest / LARGEST else LARGEST
