"""Reads what the pictures need out of the saved steps, in one pass, and notes what is damaged.

A saved step costs some milliseconds to read, so pictures first ask for what they need, then all
of it is read together. Each tensor is looked at through a copy that is dropped at once: a run whose
tensors were saved whole would not fit into memory.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.errors import TensorsError
from imageclf.report.figures import Matrix

MAX_STEPS = 1000
"""Of a longer run so many steps are read, evenly chosen, and those with findings."""

WHOLE_STEPS = 60
"""Of large tensors that were saved whole so many steps of each mode are read, likewise."""

SMALL = 4096
"""Values of a tensor that may be read at every step."""

Select = Callable[[SavedStep], Iterable[Saved]]
Measure = Callable[[Saved], float | None]

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class History:
    """One figure of several tensors over the steps.

    `values` has a row for each of `names` and a column for each of `steps` (their numbers): NaN
    where nothing was saved, infinite where the figure was not finite. `thinned` when large tensors
    were not read at all steps.
    """

    names: tuple[str, ...]
    steps: tuple[int, ...]
    values: Matrix
    thinned: bool = False


@dataclass
class Wish:
    """What a picture asks for: `measure` of the tensors that `select` picks at each step.

    No more is measured once one of `better` has found something.
    """

    select: Select
    measure: Measure
    better: Sequence["Wish"] = ()
    found: dict[str, dict[int, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    thinned: bool = False

    def history(self) -> History:
        """What was found, as a mean over the workers; names in the order they were saved in."""
        steps = sorted({step for row in self.found.values() for step in row})
        places = {step: column for column, step in enumerate(steps)}
        values = np.full((len(self.found), len(steps)), np.nan)
        for row, by_step in enumerate(self.found.values()):
            for step, several in by_step.items():
                values[row, places[step]] = _mean(several)
        return History(tuple(self.found), tuple(steps), values, self.thinned)


class Reader:
    """Goes through saved steps once, for all that was asked.

    `wanted` are the numbers of steps that are read whatever is left out.
    """

    def __init__(self, steps: Sequence[SavedStep], wanted: Iterable[int] = ()) -> None:
        self.all_steps = steps
        self.wanted = frozenset(wanted)
        self.steps = _even(steps, MAX_STEPS, self.wanted)
        self.faults: list[str] = []
        self._wishes: list[Wish] = []

    def ask(self, select: Select, measure: Measure, better: Sequence[Wish] = ()) -> Wish:
        """Have `measure` taken in the pass that is to come; see `Wish`."""
        self._wishes.append(Wish(select, measure, better))
        return self._wishes[-1]

    def read(self) -> None:
        """The pass: fulfils all wishes."""
        whole = {step.number for mode in Mode for step in self._of_mode(mode)}
        for step in self.steps if self._wishes else ():
            now = _at_hand(step)
            for wish in self._wishes:
                if not any(one.found for one in wish.better):
                    self._fulfil(wish, now, whole)

    def look(self, tensor: Saved, look: Callable[[Saved], _Found]) -> _Found | None:
        """What `look` finds in `tensor`; None when that is damaged."""
        try:
            return look(replace(tensor))
        except TensorsError as error:
            if str(error) not in self.faults:
                self.faults.append(str(error))
            return None

    def _of_mode(self, mode: Mode) -> list[SavedStep]:
        return _even([step for step in self.steps if step.mode is mode], WHOLE_STEPS, self.wanted)

    def _fulfil(self, wish: Wish, step: SavedStep, whole: set[int]) -> None:
        for tensor in wish.select(step):
            if step.number not in whole and _is_large(tensor):
                wish.thinned = True
                continue
            value = self.look(tensor, wish.measure)
            if value is not None:
                wish.found[tensor.name][step.number].append(value)


def _at_hand(step: SavedStep) -> SavedStep:
    """The step with its tensors, which else may be read from disk each time they are named."""
    return SavedStep(step.number, step.mode, step.mode_step, step.at_s, step.tensors)


def _even(steps: Sequence[SavedStep], most: int, wanted: frozenset[int]) -> list[SavedStep]:
    if len(steps) <= most:
        return list(steps)
    kept = {round(place) for place in np.linspace(0, len(steps) - 1, most)}
    return [step for place, step in enumerate(steps) if place in kept or step.number in wanted]


def _is_large(tensor: Saved) -> bool:
    size = math.inf if tensor.shape is None else math.prod(tensor.shape)
    return not tensor.saved_statistics and tensor.load is not None and size > SMALL


def _mean(several: Sequence[float]) -> float:
    return math.fsum(several) / len(several) if all(map(math.isfinite, several)) else math.inf
