"""AllZero and TensorVariance: what a tensor's values are like, whichever tensor it is."""

from collections.abc import Iterator

from imageclf.debugger import statistics
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.selection import Names, Patterns, Selection
from imageclf.debugger.rules.telling import Spells, at, finding, key_of
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import MaybeFloat, RuleParameters


def unchosen(rule: Rule) -> str:
    """What a rule says that was not told which tensors it is for."""
    return (
        f"{rule.name} does not know which tensors to look at; "
        "give it collection_names or tensor_regex."
    )


class AllZeroParameters(RuleParameters):
    """As documented; one of the first two must be given; `threshold` in per cent."""

    collection_names: Names = None
    tensor_regex: Patterns = None
    threshold: float = 100.0


class AllZero(Rule):
    """Fires when `threshold` % of a tensor's values, or more, are zero."""

    name = "AllZero"
    Parameters = AllZeroParameters
    parameters: AllZeroParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._chosen = Selection.of(self.parameters.collection_names, self.parameters.tensor_regex)
        self._spells = Spells()

    def needs(self) -> Needs:
        return self._chosen.needs(statistics.ZEROS)

    def missing(self) -> str:
        return super().missing() if self._chosen else unchosen(self)

    def look(self, step: SavedStep) -> Iterator[Finding]:
        for tensor in self._chosen.tensors(step):
            zeros = tensor.statistic(statistics.ZEROS)
            if zeros is None:
                continue
            self.looked += 1
            share = round(100 * zeros, 4)
            if self._spells.begins(key_of(tensor), share >= self.parameters.threshold):
                yield self._finding(step, tensor, share)

    def _finding(self, step: SavedStep, tensor: Saved, share: float) -> Finding:
        return finding(
            self,
            step,
            tensor,
            value=share,
            threshold=self.parameters.threshold,
            found=f"{share:.4g} % of the values of {tensor.name} are zero {at(step)}.",
            meaning="A weight or activation that is zero passes nothing on, and units that are "
            "all zero stay alike for ever.",
            advice="Initialise weights at random (only biases and the last normalisation of a "
            "block may begin at zero), lower weight-decay, and look for dead ReLUs before this "
            "tensor.",
        )


class TensorVarianceParameters(RuleParameters):
    """As documented; one of the first two must be given, and at least one threshold."""

    collection_names: Names = None
    tensor_regex: Patterns = None
    max_threshold: MaybeFloat = None
    min_threshold: MaybeFloat = None


class TensorVariance(Rule):
    """Fires when a tensor's variance is above `max_threshold` or below `min_threshold`."""

    name = "TensorVariance"
    Parameters = TensorVarianceParameters
    parameters: TensorVarianceParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._chosen = Selection.of(self.parameters.collection_names, self.parameters.tensor_regex)
        self._spells = Spells()

    def needs(self) -> Needs:
        return self._chosen.needs("variance")

    def missing(self) -> str:
        if not self._chosen:
            return unchosen(self)
        if self.parameters.max_threshold is None and self.parameters.min_threshold is None:
            return "TensorVariance has no bound; give it max_threshold or min_threshold."
        return super().missing()

    def look(self, step: SavedStep) -> Iterator[Finding]:
        sides = (("above", self.parameters.max_threshold), ("below", self.parameters.min_threshold))
        for tensor in self._chosen.tensors(step):
            variance = tensor.statistic("variance")
            for side, bound in sides:
                if variance is None or bound is None:
                    continue
                self.looked += 1
                ill = variance > bound if side == "above" else variance < bound
                if self._spells.begins((key_of(tensor), side), ill):
                    yield self._finding(step, tensor, variance, side, bound)

    def _finding(
        self, step: SavedStep, tensor: Saved, variance: float, side: str, bound: float
    ) -> Finding:
        high = side == "above"
        return finding(
            self,
            step,
            tensor,
            value=variance,
            threshold=bound,
            found=f"The variance of {tensor.name} is {variance:.3g} {at(step)}, {side} {bound:g}.",
            meaning="Values that spread so far saturate what follows and soon overflow."
            if high
            else "Values that are nearly all the same tell what follows nothing.",
            advice="Lower lr, raise weight-decay, set clip-norm, or put a normalisation before it."
            if high
            else "Initialise weights wider (He or Xavier), start from pretrained weights, or lower "
            "weight-decay.",
        )
