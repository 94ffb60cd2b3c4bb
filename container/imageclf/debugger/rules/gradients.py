"""VanishingGradient: what reaches a layer's weights is too small to teach them anything."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from imageclf.debugger import names
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.telling import Spells, at, finding, key_of
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

Measured = Mapping[tuple[str, str], tuple[Saved, float]]
"""Gradients and something that was measured of each, by worker and name."""


class VanishingGradientParameters(RuleParameters):
    """As documented: the mean absolute value below which a gradient has vanished."""

    threshold: float = 1e-7


class VanishingGradient(Rule):
    """Fires when the mean of a gradient's absolute values is below `threshold`.

    A bias whose own layer's weight is well is passed over: before a normalisation it has no
    gradient by construction.
    """

    name = "VanishingGradient"
    Parameters = VanishingGradientParameters
    parameters: VanishingGradientParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._spells = Spells()

    def needs(self) -> Needs:
        return {names.GRADIENTS: frozenset({"abs_mean"})}

    def look(self, step: SavedStep) -> Iterator[Finding]:
        bound = self.parameters.threshold
        sizes = measured(step, lambda tensor: tensor.statistic("abs_mean"))
        for key, (tensor, size) in sizes.items():
            self.looked += 1
            ill = size < bound and not is_idle_bias(key, sizes, bound)
            if self._spells.begins(key, ill):
                yield self._finding(step, tensor, size)

    def _finding(self, step: SavedStep, tensor: Saved, size: float) -> Finding:
        return finding(
            self,
            step,
            tensor,
            value=size,
            threshold=self.parameters.threshold,
            found=f"The mean absolute value of {tensor.name} is {size:.3g} {at(step)}, "
            f"below {self.parameters.threshold:g}.",
            meaning="This layer, and those before it, learn nothing from the loss.",
            advice="Use normalisation, residual connections and ReLUs instead of tanh or sigmoid; "
            "start from pretrained weights; raise lr if the loss has not come down yet; in half "
            "precision prefer bf16 to fp16, which rounds small gradients to zero.",
        )


def measured(step: SavedStep, measure: Callable[[Saved], float | None]) -> Measured:
    """Each gradient of a step with its measure, where that is a number."""
    found = {}
    for tensor in step.select(collection=names.GRADIENTS):
        value = measure(tensor)
        if value is not None and not np.isnan(value):
            found[key_of(tensor)] = (tensor, value)
    return found


def is_idle_bias(key: tuple[str, str], known: Measured, bound: float) -> bool:
    """Whether this is the gradient of a bias that its own layer's weight, being well, excuses.

    What a normalisation takes out again, it need not learn: the bias before it has no gradient.
    """
    worker, name = key
    weight = known.get((worker, name.removesuffix("bias") + "weight"))
    return name.endswith(".bias") and weight is not None and weight[1] >= bound
