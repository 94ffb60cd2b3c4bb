"""SimilarAcrossRuns: whether this run is a repetition of another one.

The other run is a folder of saved tensors on this machine.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imageclf.debugger import names
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.selection import Names, Patterns, Selection, split
from imageclf.debugger.rules.telling import Spells, at, finding, key_of
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.debugger.statistics import Values
from imageclf.debugger.tensors.run import Run
from imageclf.errors import TensorsError
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

_RTOL, _ATOL = 1e-5, 1e-8
"""Tolerances of `numpy.allclose`."""

_COMPARED = ("mean", "std", "min", "max", "abs_mean", "l2")
"""Statistics that are compared where values were not saved; those that both runs have."""


class Difference(NamedTuple):
    """How far two tensors are apart at worst, how far they might be there, and in what."""

    value: float
    tolerance: float
    what: str

    @property
    def too_large(self) -> bool:
        return self.value > self.tolerance


class SimilarAcrossRunsParameters(RuleParameters):
    """As documented; the other runs' folders, separated by commas, under either of their names."""

    other_trials: Names = None
    other_trial: Names = None
    collection_names: Names = None
    tensor_regex: Patterns = None


class SimilarAcrossRuns(Rule):
    """Fires when a tensor is not close to the one of the same name and step in another run.

    Values are compared where both runs saved them, else what statistics both saved. Steps and
    tensors that only one run has are passed over.
    """

    name = "SimilarAcrossRuns"
    Parameters = SimilarAcrossRunsParameters
    parameters: SimilarAcrossRunsParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        given = self.parameters
        self._folders = (*split(given.other_trials), *split(given.other_trial))
        self._chosen = Selection.of(given.collection_names, given.tensor_regex)
        self._spells = Spells()

    def needs(self) -> Needs:
        chosen = self._chosen or Selection((names.LOSSES, names.WEIGHTS))
        return chosen.needs("mean", "std")

    def missing(self) -> str:
        if not self._folders:
            return (
                "SimilarAcrossRuns needs another run; "
                "give it other_trials, the folder of that run's tensors."
            )
        return (
            f"No step of this run has a tensor that {', '.join(self._folders)} has at the same "
            "step; save the same collections at the same interval in both."
        )

    def look(self, step: SavedStep) -> Iterator[Finding]:
        """See `Rule.look`.

        Raises:
            TensorsError: another run cannot be read.
        """
        for folder, others in self._others.items():
            other = others.get(step.number)
            known = {key_of(tensor): tensor for tensor in other.tensors} if other else {}
            for tensor in self._chosen.tensors(step) if self._chosen else step.tensors:
                partner = known.get(key_of(tensor))
                difference = None if partner is None else _difference(tensor, partner)
                if difference is None:
                    continue
                self.looked += 1
                if self._spells.begins((folder, key_of(tensor)), difference.too_large):
                    yield self._finding(step, tensor, folder, difference)

    @cached_property
    def _others(self) -> Mapping[str, Mapping[int, SavedStep]]:
        return {folder: {one.number: one for one in _steps(folder)} for folder in self._folders}

    def _finding(
        self, step: SavedStep, tensor: Saved, folder: str, difference: Difference
    ) -> Finding:
        return finding(
            self,
            step,
            tensor,
            value=difference.value,
            threshold=difference.tolerance,
            found=f"{tensor.name} differs {at(step)} from that in {folder}: {difference.what} by "
            f"{difference.value:.3g}, where {difference.tolerance:.3g} would pass.",
            meaning="The two trainings went different ways from here on at the latest.",
            advice="If they should be alike, compare seed, data, hyperparameters, precision, "
            "device and number of processes; with another seed a difference is expected.",
            details={"other": folder, "compared": difference.what},
        )


def _steps(folder: str) -> list[SavedStep]:
    if "://" in folder:
        raise TensorsError(
            f"SimilarAcrossRuns reads local folders only; copy {folder} to this machine and give "
            "its path as other_trials."
        )
    run = Run(Path(folder))
    run.refresh()
    return run.steps()


def _difference(one: Saved, other: Saved) -> Difference | None:
    """Of their values, or of the statistic that differs most; None: nothing to compare."""
    if one.values is not None and other.values is not None:
        return Difference(*_apart(one.values, other.values), "values")
    found = []
    for name in _COMPARED:
        mine, others = one.vector(name), other.vector(name)
        if mine is not None and others is not None:
            found.append(Difference(*_apart(mine, others), name))
    return max(found, key=lambda each: each.value - each.tolerance, default=None)


def _apart(one: Values, other: Values) -> tuple[float, float]:
    """The largest difference by which a tolerance is passed, with that tolerance."""
    if one.shape != other.shape:
        return float("inf"), 0.0
    if not one.size:
        return 0.0, 0.0
    one, other = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    with np.errstate(all="ignore"):
        difference, tolerance = np.abs(one - other), _ATOL + _RTOL * np.abs(other)
    difference = np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0, difference)
    difference = np.nan_to_num(difference, nan=np.inf)
    tolerance = np.where(np.isfinite(tolerance), tolerance, 0)
    at_worst = int(np.argmax(difference - tolerance))
    return float(difference[at_worst]), float(tolerance[at_worst])
