"""Which values to try next: Optuna, asked anew for each training job from what is known so far.

A suggestion is a function of the search, of the number of the training job and of the jobs before
it, and of nothing else. So the same seed and the same results give the same suggestions, and a
tuner that was killed goes on as if nothing had happened: there is no state but the training jobs.
"""

import hashlib
import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from local_test.cloud.tuning.observations import Observation, Values
from local_test.cloud.tuning.ranges import Categorical, Numeric, Range, Scale, combinations

_STARTING_POINTS = (3, 10)
"""Random points before the first that is reasoned: at least, at most (Optuna's own default)."""
_ATTEMPTS = 20
_ENUMERABLE = 10_000


@dataclass(frozen=True)
class Search:
    """What is searched, and how.

    Attributes:
        strategy: Bayesian, Random, Hyperband or Grid, as the API names them.
        maximize: whether a greater objective is a better one.
        seed: the same one gives the same suggestions.
        budget: training jobs that there will be, where that is known.
    """

    ranges: tuple[Range, ...]
    strategy: str
    maximize: bool
    seed: int
    budget: int | None = None


def suggest(search: Search, number: int, known: Sequence[Observation]) -> Values:
    """The values for training job `number`, counted from 0.

    A set of values comes twice only when all sets have been tried.

    Args:
        known: the training jobs before it, and those of parents with ranges of the same names.

    Raises:
        IndexError: the grid has no `number`-th point.
    """
    if search.strategy == "Grid":
        return grid(search.ranges)[number]
    tried = {_key(search, one.values) for one in known}
    values: Values = {}
    for attempt in range(_ATTEMPTS):
        values = _asked(search, f"{search.seed}/{number}/{attempt}", known)
        if _key(search, values) not in tried:
            return values
    return _untried(search, number, tried) or values


def grid(ranges: Sequence[Range]) -> list[Values]:
    """All sets of values of categorical ranges, in a fixed order."""
    words = [one.values for one in ranges if isinstance(one, Categorical)]
    names = [one.name for one in ranges]
    return [dict(zip(names, point, strict=True)) for point in itertools.product(*words)]


def _asked(search: Search, seed: str, known: Sequence[Observation]) -> Values:
    direction = StudyDirection.MAXIMIZE if search.maximize else StudyDirection.MINIMIZE
    space = {one.name: distribution(one) for one in search.ranges}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(direction=direction, sampler=_sampler(search, seed))
        study.add_trials([one for one in (_trial(search, one) for one in known) if one])
        chosen = study.ask(space).params
    return {one.name: _outside(one, chosen[one.name]) for one in search.ranges}


def _sampler(search: Search, seed: str) -> BaseSampler:
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big")
    if search.strategy == "Random":
        return RandomSampler(seed=number)
    least, most = _STARTING_POINTS
    points = most if search.budget is None else min(max(search.budget // 4, least), most)
    return TPESampler(seed=number, multivariate=True, constant_liar=True, n_startup_trials=points)


def _trial(search: Search, known: Observation) -> FrozenTrial | None:
    """`known` for Optuna; None when it says nothing about this search."""
    params = {one.name: _inside(one, known.values.get(one.name)) for one in search.ranges}
    if None in params.values() or (known.objective is None and not known.running):
        return None
    space = {one.name: distribution(one) for one in search.ranges}
    if known.objective is None or known.running:
        return optuna.create_trial(state=TrialState.RUNNING, params=params, distributions=space)
    early = known.readings > 0
    return optuna.create_trial(
        state=TrialState.PRUNED if early else TrialState.COMPLETE,
        params=params,
        distributions=space,
        value=known.objective,
        intermediate_values={known.readings: known.objective} if early else None,
    )


def distribution(one: Range) -> BaseDistribution:
    """The range as Optuna has it; a reverse logarithmic one as the distance from 1."""
    if isinstance(one, Categorical):
        return CategoricalDistribution(one.values)
    logarithmic = one.scale is Scale.LOGARITHMIC
    if one.integer:
        return IntDistribution(int(one.low), int(one.high), log=logarithmic)
    if one.scale is Scale.REVERSE:
        return FloatDistribution(1 - one.high, 1 - one.low, log=True)
    return FloatDistribution(one.low, one.high, log=logarithmic)


def _outside(one: Range, value: float | str) -> str:
    if isinstance(one, Categorical):
        return str(value)
    number = float(value) if not one.integer else int(value)
    return one.text(1 - number if one.scale is Scale.REVERSE else number)


def _inside(one: Range, text: str | None) -> float | str | None:
    if text is None:
        return None
    if isinstance(one, Categorical):
        return text if text in one.values else None
    number = one.number(text)
    if number is None:
        return None
    if one.scale is Scale.REVERSE:
        return min(max(1 - number, 1 - one.high), 1 - one.low)
    return int(number) if one.integer else number


def _key(search: Search, values: Mapping[str, str]) -> tuple[str | None, ...]:
    return tuple(values.get(one.name) for one in search.ranges)


def _untried(search: Search, number: int, tried: set[tuple[str | None, ...]]) -> Values | None:
    """Some set of values that has not been tried, in a space that is small enough to count."""
    if combinations(search.ranges) > _ENUMERABLE:
        return None
    points = itertools.product(*(_all_values(one) for one in search.ranges))
    names = [one.name for one in search.ranges]
    left = [point for point in points if point not in tried]
    return dict(zip(names, left[number % len(left)], strict=True)) if left else None


def _all_values(one: Range) -> tuple[str, ...]:
    if isinstance(one, Categorical):
        return one.values
    if isinstance(one, Numeric) and math.isfinite(one.size):
        return tuple(str(value) for value in range(int(one.low), int(one.high) + 1))
    return ()
