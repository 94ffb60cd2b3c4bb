"""VanishingGradient: what reaches a layer's weights is too small to teach them anything."""

from collections.abc import Iterator

from imageclf.debugger import names
from imageclf.debugger.finding import Finding
from imageclf.debugger.rules.base import Needs, Rule, RuleParameters
from imageclf.debugger.rules.telling import Spells, at, finding, key_of
from imageclf.debugger.saved import Saved, SavedStep


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
        sizes = _sizes(step)
        for tensor, size in sizes.values():
            self.looked += 1
            ill = size < self.parameters.threshold and not self._weight_is_well(tensor, sizes)
            if self._spells.begins(key_of(tensor), ill):
                yield self._finding(step, tensor, size)

    def _weight_is_well(
        self, tensor: Saved, sizes: dict[tuple[str, str], tuple[Saved, float]]
    ) -> bool:
        if not tensor.name.endswith(".bias"):
            return False
        weight = sizes.get((tensor.worker, tensor.name.removesuffix("bias") + "weight"))
        return weight is not None and weight[1] >= self.parameters.threshold

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


def _sizes(step: SavedStep) -> dict[tuple[str, str], tuple[Saved, float]]:
    found = {}
    for tensor in step.select(collection=names.GRADIENTS):
        size = tensor.statistic("abs_mean")
        if size is not None:
            found[key_of(tensor)] = (tensor, size)
    return found
