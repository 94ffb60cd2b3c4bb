"""Reads what a picture needs out of the saved steps, and remembers what could not be read.

Each tensor is read through a copy that is dropped at once: a run whose tensors were saved whole
would not fit into memory.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from imageclf.debugger.saved import Saved, SavedStep
from imageclf.debugger.statistics import Values
from imageclf.errors import TensorsError
from imageclf.report.figures import Matrix

WHOLE_STEPS = 60
"""Of large tensors that were saved whole so many steps are read, evenly chosen."""

SMALL = 4096
"""Values of a tensor that may be read at every step."""

Select = Callable[[SavedStep], Iterable[Saved]]
Measure = Callable[[Saved], float | None]

_Found = TypeVar("_Found")
_Part = tuple[SavedStep, tuple[Saved, ...]]


@dataclass(frozen=True)
class History:
    """One figure of several tensors over the steps.

    `values` has a row for each of `names` and a column for each of `steps` (their numbers): NaN
    where nothing was saved, infinite where the figure was not finite. `of` is how many steps there
    were to read.
    """

    names: tuple[str, ...]
    steps: tuple[int, ...]
    values: Matrix
    of: int


@dataclass
class Reader:
    """The saved steps of a run, and in `faults` the sentences on those that are damaged."""

    steps: Sequence[SavedStep]
    faults: list[str] = field(default_factory=list)

    def read(self, tensor: Saved, look: Callable[[Saved], _Found]) -> _Found | None:
        """What `look` finds in `tensor`; None when that is damaged."""
        try:
            return look(replace(tensor))
        except TensorsError as error:
            if str(error) not in self.faults:
                self.faults.append(str(error))
            return None

    def values(self, tensor: Saved) -> Values | None:
        """The values of `tensor`, if they were saved and are whole."""
        return self.read(tensor, lambda copy: copy.values)

    def history(self, select: Select, measure: Measure, wanted: Collection[int] = ()) -> History:
        """`measure` of the tensors that `select` picks, as a mean over the workers.

        Names stand in the order in which they were saved. Where tensors must be read whole, the
        steps are thinned, but those `wanted` are kept.
        """
        there = [(step, tensors) for step in self.steps if (tensors := tuple(select(step)))]
        chosen = _thinned(there, wanted)
        found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for step, tensors in chosen:
            for tensor in tensors:
                value = self.read(tensor, measure)
                if value is not None:
                    found[tensor.name][step.number].append(value)
        return _matrix(found, len(there))


def _thinned(steps: list[_Part], wanted: Collection[int]) -> list[_Part]:
    if len(steps) <= WHOLE_STEPS or not any(map(_is_large, steps[0][1])):
        return steps
    kept = {round(index) for index in np.linspace(0, len(steps) - 1, WHOLE_STEPS)}
    return [one for i, one in enumerate(steps) if i in kept or one[0].number in wanted]


def _is_large(tensor: Saved) -> bool:
    size = math.inf if tensor.shape is None else math.prod(tensor.shape)
    return not tensor.saved_statistics and tensor.load is not None and size > SMALL


def _matrix(found: dict[str, dict[int, list[float]]], of: int) -> History:
    steps = sorted({step for row in found.values() for step in row})
    places = {step: column for column, step in enumerate(steps)}
    values = np.full((len(found), len(steps)), np.nan)
    for row, by_step in enumerate(found.values()):
        for step, several in by_step.items():
            finite = all(map(math.isfinite, several))
            values[row, places[step]] = math.fsum(several) / len(several) if finite else math.inf
    return History(tuple(found), tuple(steps), values, of)
