"""Overfit and Overtraining: what the losses of training and validation say of each other.

A step of validation is a whole validation pass here, however many steps of it were saved.
"""

import math
from collections.abc import Iterator

import numpy as np
from pydantic import Field

from imageclf.debugger.rules.losses import LOSSES, OnLosses
from imageclf.debugger.rules.selection import Patterns, Selection
from imageclf.debugger.rules.telling import Spells, at, finding
from imageclf.debugger.saved import SavedStep
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters


class OverfitParameters(RuleParameters):
    """As documented; `start_step` counts over all modes, `patience` in validation passes."""

    tensor_regex: Patterns = None
    start_step: int = Field(0, ge=0)
    patience: int = Field(1, ge=1)
    ratio_threshold: float = Field(0.1, ge=0)


class Overfit(OnLosses):
    """Fires when the validation loss is above the training loss by too large a part of it.

    Each validation pass is compared with the mean of the training losses that were saved since the
    pass before. `patience` passes in a row must be above `ratio_threshold`.
    """

    name = "Overfit"
    Parameters = OverfitParameters
    parameters: OverfitParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._training: list[float] = []
        self._above = 0
        self._spells = Spells()

    @property
    def selection(self) -> Selection:
        own = Selection.of(None, self.parameters.tensor_regex)
        return own or LOSSES

    def _trained(self, step: SavedStep, loss: float) -> Iterator[Finding]:
        if step.number >= self.parameters.start_step:
            self._training.append(loss)
        return iter(())

    def _validated(self, step: SavedStep, loss: float) -> Iterator[Finding]:
        since, self._training = self._training, []
        if not since or step.number < self.parameters.start_step:
            return
        self.looked += 1
        training = float(np.mean(since))
        ratio = (loss - training) / max(abs(training), 1e-12)
        self._above = self._above + 1 if ratio > self.parameters.ratio_threshold else 0
        if self._spells.begins("", self._above >= self.parameters.patience):
            yield self._finding(step, training, loss, ratio)

    def _finding(self, step: SavedStep, training: float, loss: float, ratio: float) -> Finding:
        times = f"for {self._above} validations in a row" if self._above > 1 else "once"
        return finding(
            self,
            step,
            None,
            value=ratio,
            threshold=self.parameters.ratio_threshold,
            found=f"The validation loss {loss:.4g} {at(step)} is above the training loss "
            f"{training:.4g} by {ratio:.3g} times that, more than "
            f"{self.parameters.ratio_threshold:g} {times}.",
            meaning="The network learns the training pictures by heart, which does not help it "
            "with others.",
            advice="Set augment=medium or strong, mixup=0.2 or label-smoothing=0.1, more "
            "weight-decay or dropout, or train=head; take fewer epochs or early-stop-patience=3; "
            "more pictures help most.",
            details={"training_loss": training, "validation_loss": loss},
        )


class OvertrainingParameters(RuleParameters):
    """As documented; patience in saved steps of training and in validation passes."""

    patience_train: int = Field(5, ge=1)
    patience_validation: int = Field(10, ge=1)
    delta: float = Field(0.01, ge=0)


class Overtraining(OnLosses):
    """Fires when neither loss has come `delta` below its best for as long as its patience.

    A loss improves when it is lower than at its last improvement by `delta` at least.
    """

    name = "Overtraining"
    Parameters = OvertrainingParameters
    parameters: OvertrainingParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._training = _Best(self.parameters.patience_train, self.parameters.delta)
        self._validation = _Best(self.parameters.patience_validation, self.parameters.delta)
        self._spells = Spells()

    def _trained(self, step: SavedStep, loss: float) -> Iterator[Finding]:
        self._training.take(step, loss)
        yield from self._judge(step)

    def _validated(self, step: SavedStep, loss: float) -> Iterator[Finding]:
        self._validation.take(step, loss)
        yield from self._judge(step)

    def _judge(self, step: SavedStep) -> Iterator[Finding]:
        if not (self._training.taken and self._validation.taken):
            return
        self.looked += 1
        if self._spells.begins("", self._training.in_vain and self._validation.in_vain):
            yield self._finding(step)

    def _finding(self, step: SavedStep) -> Finding:
        training, validation = self._training, self._validation
        return finding(
            self,
            step,
            None,
            value=validation.last,
            threshold=validation.best - self.parameters.delta,
            found=f"{at(step).capitalize()} neither loss had improved by "
            f"{self.parameters.delta:g}: not that of validation for {validation.waiting} "
            f"validations (best {validation.best:.4g} at step {validation.best_at}, last "
            f"{validation.last:.4g}), nor that of training for {training.waiting} saved steps "
            f"(best {training.best:.4g} at step {training.best_at}).",
            meaning="Training has reached what it can reach; more of it costs time and may make "
            "the network worse on new pictures.",
            advice="Take fewer epochs, or set early-stop-patience; if the losses are still high, "
            "try another lr or let more layers learn (train=all).",
            details={
                "best_validation_step": validation.best_at,
                "best_training_step": training.best_at,
            },
        )


class _Best:
    """The lowest loss so far, and how many came since that were no improvement."""

    def __init__(self, patience: int, delta: float) -> None:
        self._patience = patience
        self._delta = delta
        self.best = self.last = math.inf
        self.best_at = self.taken = self.waiting = 0

    def take(self, step: SavedStep, loss: float) -> None:
        """Count one more loss."""
        self.last = loss
        self.taken += 1
        self.waiting += 1
        if self.taken == 1 or self._improves(loss):
            self.best, self.best_at, self.waiting = loss, step.number, 0

    def _improves(self, loss: float) -> bool:
        return loss < self.best and loss <= self.best - self._delta

    @property
    def in_vain(self) -> bool:
        """Whether as many came in vain as patience bears."""
        return self.waiting >= self._patience
