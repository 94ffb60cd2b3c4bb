"""ExplodingTensor: something is no longer a finite number."""

from collections.abc import Iterator

import numpy as np

from imageclf.debugger import names, statistics
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.selection import Names, Patterns, Selection
from imageclf.debugger.rules.telling import Spells, at, finding, key_of
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

_TELLING = (
    *("abs_mean", "l1", "abs_l1", "l2", "abs_l2", "abs_sum", "abs_max", "abs_min"),
    *("mean", "sum", "max", "min"),
)
"""Statistics that are not finite when a value is not; absolute ones first, as in them infinities of
both signs do not make a NaN."""


class ExplodingTensorParameters(RuleParameters):
    """As documented: which tensors (all that are saved without either), and whether only NaN."""

    collection_names: Names = None
    tensor_regex: Patterns = None
    only_nan: bool = False


class ExplodingTensor(Rule):
    """Fires when a tensor holds NaN or, unless `only_nan`, infinity.

    Without a choice it looks at everything that was saved and asks for losses and gradients: a
    weight or an activation that is not finite makes both so.
    """

    name = "ExplodingTensor"
    Parameters = ExplodingTensorParameters
    parameters: ExplodingTensorParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._chosen = Selection.of(self.parameters.collection_names, self.parameters.tensor_regex)
        self._spells = Spells()

    def needs(self) -> Needs:
        chosen = self._chosen or Selection((names.LOSSES, names.GRADIENTS))
        return chosen.needs(statistics.NANS, statistics.INFINITIES)

    def look(self, step: SavedStep) -> Iterator[Finding]:
        for tensor in self._chosen.tensors(step) if self._chosen else step.tensors:
            counts = _not_finite(tensor)
            if counts is None:
                continue
            self.looked += 1
            nans, infinities = counts
            number = nans if self.parameters.only_nan else nans + infinities
            if self._spells.begins(key_of(tensor), number > 0):
                yield self._finding(step, tensor, nans, infinities)

    def _finding(self, step: SavedStep, tensor: Saved, nans: float, infinities: float) -> Finding:
        return finding(
            self,
            step,
            tensor,
            value=nans if self.parameters.only_nan else nans + infinities,
            threshold=0,
            found=f"{tensor.name} holds {_words(tensor, nans, infinities)} {at(step)}.",
            meaning="The training has diverged: from here on nothing is learned and the weights "
            "are lost.",
            advice="Lower lr (try a tenth), add warmup, set clip-norm=1, look for pictures that "
            "decode to extreme values, and use precision=bf16 or fp32 instead of fp16.",
            details={"nans": nans, "infinities": infinities},
        )


def _words(tensor: Saved, nans: float, infinities: float) -> str:
    counted = tensor.statistic(statistics.NANS) is not None
    parts = [
        (f"{number:.0f} " if counted else "") + word
        for number, word in ((nans, "NaN"), (infinities, "infinite values"))
        if number
    ]
    return " and ".join(parts)


def _not_finite(tensor: Saved) -> tuple[float, float] | None:
    """How many values are NaN and infinite (1 when only other statistics tell); None: unknown."""
    nans, infinities = tensor.statistic(statistics.NANS), tensor.statistic(statistics.INFINITIES)
    if nans is not None and infinities is not None:
        return nans, infinities
    if tensor.shape is not None and 0 in tensor.shape:
        return None
    told = [tensor.statistic(name) for name in _TELLING if name in tensor.saved_statistics]
    value = next((value for value in told if value is not None), None)
    return None if value is None else (float(np.isnan(value)), float(np.isinf(value)))
