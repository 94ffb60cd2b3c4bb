"""WeightUpdateRatio and UnchangedTensor: how far a tensor has come since the last saved step.

Both take the hook's own comparison where it was saved, else they compare the values of two saved
steps; the last values of each tensor are kept for that.
"""

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from imageclf.debugger import names, statistics
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.selection import Names, Patterns, Selection
from imageclf.debugger.rules.telling import Spells, at, finding, is_training, key_of
from imageclf.debugger.rules.values import unchosen
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.debugger.statistics import Values
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import MaybeInt, RuleParameters

_FROZEN = "a frozen layer (train=head, last-block or gradual) is meant to stay as it is"


class WeightUpdateRatioParameters(RuleParameters):
    """As documented; `num_steps` is how many steps back the comparison may reach."""

    num_steps: MaybeInt = None
    large_threshold: float = 10.0
    small_threshold: float = 1e-8
    epsilon: float = statistics.UPDATE_EPSILON


class WeightUpdateRatio(Rule):
    """Fires when mean |update| / (mean |weight before| + epsilon) is too large or too small.

    A weight is compared with the last saved training step, if that is at most `num_steps` back.
    """

    name = "WeightUpdateRatio"
    Parameters = WeightUpdateRatioParameters
    parameters: WeightUpdateRatioParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._spells = Spells()
        self._last: dict[tuple[str, str], tuple[int, Values | None]] = {}

    def needs(self) -> Needs:
        wanted = statistics.UPDATE_RATIO if self._is_as_saved() else statistics.RAW
        return {names.WEIGHTS: frozenset({wanted})}

    def missing(self) -> str:
        return (
            "WeightUpdateRatio needs the weights of two training steps, or the hook's "
            f"{statistics.UPDATE_RATIO} of them, and none were saved; add weights to the hook's "
            "collections and save at least every num_steps steps."
        )

    def look(self, step: SavedStep) -> Iterator[Finding]:
        if not is_training(step):
            return
        for tensor in step.select(collection=names.WEIGHTS):
            ratio = self._ratio(step, tensor)
            if ratio is None or np.isnan(ratio):
                continue
            self.looked += 1
            bounds = self.parameters
            for side, ill in (
                ("above", ratio > bounds.large_threshold),
                ("below", ratio < bounds.small_threshold),
            ):
                if self._spells.begins((key_of(tensor), side), ill):
                    yield self._finding(step, tensor, ratio, side)

    def _is_as_saved(self) -> bool:
        return self.parameters.epsilon == statistics.UPDATE_EPSILON

    def _ratio(self, step: SavedStep, tensor: Saved) -> float | None:
        number, before = self._last.get(key_of(tensor), (None, None))
        saved = tensor.saved_statistics.get(statistics.UPDATE_RATIO)
        use_saved = saved is not None and self._is_as_saved()
        self._last[key_of(tensor)] = (step.number, None if use_saved else tensor.values)
        if number is None or not self._is_near(step.number - number):
            return None
        if use_saved and saved is not None:
            return float(np.asarray(saved).reshape(()))
        return _update_ratio(before, tensor.values, self.parameters.epsilon)

    def _is_near(self, steps: int) -> bool:
        return self.parameters.num_steps is None or steps <= self.parameters.num_steps

    def _finding(self, step: SavedStep, tensor: Saved, ratio: float, side: str) -> Finding:
        large = side == "above"
        bound = self.parameters.large_threshold if large else self.parameters.small_threshold
        return finding(
            self,
            step,
            tensor,
            value=ratio,
            threshold=bound,
            found=f"{tensor.name} moved by {ratio:.3g} times its mean size since the last saved "
            f"step {at(step)}, {side} {bound:g}.",
            meaning="Such steps throw away what the weights had learned."
            if large
            else "This layer learns next to nothing.",
            advice="Lower lr, add warmup, or set clip-norm."
            if large
            else f"Raise lr, or look for vanishing gradients behind this layer; {_FROZEN}.",
        )


class UnchangedTensorParameters(RuleParameters):
    """As documented; one of the first two must be given."""

    collection_names: Names = None
    tensor_regex: Patterns = None
    num_steps: int = Field(default=3, ge=2)
    rtol: float = 1e-5
    atol: float = 1e-8
    equal_nan: bool = False


class UnchangedTensor(Rule):
    """Fires when a tensor's last `num_steps` saved values are each close to those before."""

    name = "UnchangedTensor"
    Parameters = UnchangedTensorParameters
    parameters: UnchangedTensorParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._chosen = Selection.of(self.parameters.collection_names, self.parameters.tensor_regex)
        self._spells = Spells()
        self._last: dict[tuple[str, ...], Values | None] = {}
        self._alike: dict[tuple[str, ...], int] = {}

    def needs(self) -> Needs:
        return self._chosen.needs(statistics.UNCHANGED if self._is_as_saved() else statistics.RAW)

    def missing(self) -> str:
        return super().missing() if self._chosen else unchosen(self)

    def look(self, step: SavedStep) -> Iterator[Finding]:
        for tensor in self._chosen.tensors(step):
            key = (*key_of(tensor), step.mode.name)
            alike = self._is_alike(key, tensor)
            if alike is None:
                continue
            self._alike[key] = self._alike.get(key, 1) + 1 if alike else 1
            self.looked += 1
            number = self._alike[key]
            if self._spells.begins(key, number >= self.parameters.num_steps):
                yield self._finding(step, tensor, number)

    def _is_as_saved(self) -> bool:
        given, documented = self.parameters, UnchangedTensorParameters()
        return (given.rtol, given.atol, given.equal_nan) == (
            documented.rtol,
            documented.atol,
            documented.equal_nan,
        )

    def _is_alike(self, key: tuple[str, ...], tensor: Saved) -> bool | None:
        """Whether it is close to its last saved values; None when it has none."""
        seen = key in self._last
        before = self._last.get(key)
        saved = tensor.saved_statistics.get(statistics.UNCHANGED)
        use_saved = saved is not None and self._is_as_saved()
        self._last[key] = None if use_saved else tensor.values
        if not seen:
            return None
        if use_saved and saved is not None:
            return bool(np.asarray(saved).reshape(()) == 1)
        return self._is_close(before, tensor.values)

    def _is_close(self, before: Values | None, now: Values | None) -> bool | None:
        if before is None or now is None:
            return None
        given = self.parameters
        return before.shape == now.shape and bool(
            np.allclose(now, before, rtol=given.rtol, atol=given.atol, equal_nan=given.equal_nan)
        )

    def _finding(self, step: SavedStep, tensor: Saved, number: int) -> Finding:
        return finding(
            self,
            step,
            tensor,
            value=number,
            threshold=self.parameters.num_steps,
            found=f"{tensor.name} has not changed over its last {number} saved steps {at(step)}.",
            meaning="Nothing that is learned arrives here.",
            advice=f"Raise lr, see that the tensor's layer is in the optimiser and gets a "
            f"gradient; {_FROZEN}, and a loss that stands still has converged or cannot learn.",
        )


def _update_ratio(before: Values | None, now: Values | None, epsilon: float) -> float | None:
    if before is None or now is None or before.shape != now.shape or not now.size:
        return None
    with np.errstate(all="ignore"):
        update = np.abs(now.astype(np.float64) - before).mean()
        return float(update / (np.abs(before, dtype=np.float64).mean() + epsilon))
