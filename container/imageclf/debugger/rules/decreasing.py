"""LossNotDecreasing: the loss stands still, or rises.

Each loss is judged by itself. With the documented `mode=GLOBAL` losses of training and validation
are compared as they come; `TRAIN` or `EVAL` look at one of them, and count its steps.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.losses import LOSSES, NEEDS, each
from imageclf.debugger.rules.selection import Names, Patterns, Selection
from imageclf.debugger.rules.telling import Spells, finding
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters


def _plain_mode(value: object) -> object:
    return value.strip().upper().removeprefix("MODES.") if isinstance(value, str) else value


class LossNotDecreasingParameters(RuleParameters):
    """As documented; in per cent, and in steps of `mode`."""

    collection_names: Names = None
    tensor_regex: Patterns = None
    use_losses_collection: bool = True
    num_steps: int = Field(10, ge=1)
    diff_percent: float = Field(0.1, gt=0, lt=100)
    increase_threshold_percent: float = Field(5.0, gt=0, lt=100)
    mode: Annotated[Literal["EVAL", "TRAIN", "GLOBAL"], BeforeValidator(_plain_mode)] = "GLOBAL"


class LossNotDecreasing(Rule):
    """Fires when over `num_steps` the loss fell by too little, or rose by too much.

    Every `num_steps` a loss is compared with the last one that was saved at least `num_steps`
    before. A fall must reach `diff_percent`; a rise is borne up to `increase_threshold_percent`.
    A loss that is no longer a number has not fallen.
    """

    name = "LossNotDecreasing"
    Parameters = LossNotDecreasingParameters
    parameters: LossNotDecreasingParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        own = Selection.of(self.parameters.collection_names, self.parameters.tensor_regex)
        losses = LOSSES.collections if self.parameters.use_losses_collection or not own else ()
        self._selection = Selection((*losses, *own.collections), own.patterns)
        self._earlier: dict[str, deque[tuple[int, float]]] = {}
        self._due: dict[str, int] = {}
        self._spells = Spells()

    def needs(self) -> Needs:
        return NEEDS

    def look(self, step: SavedStep) -> Iterator[Finding]:
        mode = Mode[self.parameters.mode]
        if mode not in {step.mode, Mode.GLOBAL}:
            return
        number = step.number if mode is Mode.GLOBAL else step.mode_step
        for tensor, loss in each(step, self._selection):
            before = self._before(tensor.name, number)
            if before is not None and number >= self._due.get(tensor.name, number):
                self._due[tensor.name] = number + self.parameters.num_steps
                self.looked += 1
                yield from self._compare(_Change(step, tensor, loss, *before))
            self._earlier.setdefault(tensor.name, deque()).append((number, loss))

    def missing(self) -> str:
        return "" if self._earlier else super().missing()

    def _before(self, name: str, number: int) -> tuple[int, float] | None:
        """The last loss that is `num_steps` old or older; those before it are forgotten."""
        earlier = self._earlier.get(name, deque())
        latest = number - self.parameters.num_steps
        while len(earlier) > 1 and earlier[1][0] <= latest:
            earlier.popleft()
        return earlier[0] if earlier and earlier[0][0] <= latest else None

    def _compare(self, change: "_Change") -> Iterator[Finding]:
        allowed, wanted = self.parameters.increase_threshold_percent, self.parameters.diff_percent
        rises = change.rise > allowed or not math.isfinite(change.loss)
        stays = -wanted < change.rise <= 0 and change.loss != 0
        if self._spells.begins((change.tensor.name, "rises"), rises):
            yield self._rising(change, allowed)
        if self._spells.begins((change.tensor.name, "stays"), stays):
            yield self._standing(change, wanted)

    def _rising(self, change: "_Change", allowed: float) -> Finding:
        rise = change.rise
        how = (
            f"by {rise:.3g} %, more than {allowed:g} %" if math.isfinite(rise) else "beyond bounds"
        )
        return finding(
            self,
            change.step,
            change.tensor,
            value=rise if math.isfinite(rise) else math.inf,
            threshold=allowed,
            found=f"{self._between(change)} the loss rose {how}: {change.figures}.",
            meaning="Training makes the network worse: its steps are too large, or it has begun to "
            "learn the training pictures by heart.",
            advice="Lower lr or lengthen warmup, set clip-norm=1, or look whether a batch holds "
            "wrong labels; if only the validation loss rises, take fewer epochs or set "
            "early-stop-patience.",
            details={"compared_with": change.then},
        )

    def _standing(self, change: "_Change", wanted: float) -> Finding:
        return finding(
            self,
            change.step,
            change.tensor,
            value=-change.rise,
            threshold=wanted,
            found=f"{self._between(change)} the loss fell by only {abs(change.rise):.3g} %, less "
            f"than {wanted:g} %: {change.figures}.",
            meaning="The network does not learn, or has learned all that it can.",
            advice="Look whether the layers that shall learn do so (train, lr above 0) and whether "
            "labels and pictures belong together; try an lr ten times higher or lower; if the loss "
            "had come down before, take fewer epochs.",
            details={"compared_with": change.then},
        )

    def _between(self, change: "_Change") -> str:
        mode = Mode[self.parameters.mode]
        if mode is Mode.GLOBAL:
            return f"{change.tensor.name}: between steps {change.then} and {change.step.number}"
        kind = "training" if mode is Mode.TRAIN else "validation"
        steps = f"{change.then} and {change.step.mode_step} of {kind}"
        return f"{change.tensor.name}: between steps {steps}"


@dataclass(frozen=True)
class _Change:
    """A loss at a step, and what it was at an earlier one, `then`."""

    step: SavedStep
    tensor: Saved
    loss: float
    then: int
    was: float

    @property
    def rise(self) -> float:
        """In per cent of the earlier loss; NaN if that is no number."""
        if not math.isfinite(self.was):
            return math.nan
        return 100 * (self.loss - self.was) / max(abs(self.was), 1e-12)

    @property
    def figures(self) -> str:
        return f"from {self.was:.4g} to {self.loss:.4g}"
