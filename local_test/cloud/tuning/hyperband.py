"""Hyperband: many training jobs get a few epochs each, and only the best ones get more.

Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization" (JMLR 2018),
with the asynchronous halving of Li et al., "A System for Massively Parallel Hyperparameter
Tuning" (MLSys 2020): a job is judged when it comes to a rung, against those that were there
before, and goes on where it is or is stopped. No job waits, and none is started again.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

_REDUCTION = 3
"""One of so many jobs passes a rung: the factor that both papers recommend."""

RESOURCE_NAMES = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Static hyperparameters that AWS reads the greatest number of epochs from."""
MOST_EPOCHS = 20_000


@dataclass(frozen=True)
class Bracket:
    """Jobs that are compared with one another.

    Attributes:
        size: how many of them there are in one round of all brackets.
        rungs: the epochs after which they are judged, ascending; none for jobs that run through.
    """

    size: int
    rungs: tuple[int, ...]


def brackets(least: int, most: int) -> tuple[Bracket, ...]:
    """The brackets between `least` and `most` epochs, the one with the earliest rung first."""
    deepest = int(math.log(most / least) / math.log(_REDUCTION) + 1e-9)
    return tuple(_bracket(depth, deepest, most) for depth in range(deepest, -1, -1))


def _bracket(depth: int, deepest: int, most: int) -> Bracket:
    size = math.ceil((deepest + 1) / (depth + 1) * _REDUCTION**depth)
    rungs = (max(1, round(most / _REDUCTION**left)) for left in range(depth, 0, -1))
    return Bracket(size, tuple(sorted(set(rungs))))


def bracket_of(number: int, available: Sequence[Bracket]) -> int:
    """The place in `available` of the bracket that training job `number` belongs to."""
    ends = list(itertools.accumulate(bracket.size for bracket in available))
    place = number % ends[-1]
    return next(index for index, end in enumerate(ends) if place < end)


def loses(
    readings: Sequence[float], others: Sequence[Sequence[float]], epoch: int, maximize: bool
) -> bool:
    """Whether a job is not among the best third of those that came to the rung after `epoch`.

    Args:
        readings: of this job, at least `epoch` of them.
        others: the readings of the other jobs of its bracket.
    """
    own = readings[epoch - 1]
    reached = [one[epoch - 1] for one in others if len(one) >= epoch]
    ahead = sum(value > own if maximize else value < own for value in reached)
    return ahead >= max(1, (len(reached) + 1) // _REDUCTION)
