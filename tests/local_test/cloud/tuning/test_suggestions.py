import math
import statistics

import pytest

from local_test.cloud.tuning.observations import Observation, Values
from local_test.cloud.tuning.ranges import Categorical, Numeric, Range, Scale
from local_test.cloud.tuning.suggestions import Search, suggest

LR = Numeric("lr", 1e-4, 1e-1, Scale.LOGARITHMIC)
UNITS = Categorical("units", ("256", "512", "1024"))
EPOCHS = Numeric("epochs", 1, 6, Scale.LINEAR, integer=True)


def search(*ranges: Range, strategy: str = "Bayesian", seed: int = 7, budget: int = 20) -> Search:
    return Search(ranges, strategy, maximize=True, seed=seed, budget=budget)


def history(what: Search, jobs: int) -> list[Values]:
    """The suggestions of a whole tuning job whose objective is best at lr = 0.01."""
    known: list[Observation] = []
    for number in range(jobs):
        values = suggest(what, number, known)
        known.append(Observation(values, objective=-abs(float(values["lr"]) - 0.01)))
    return [dict(one.values) for one in known]


@pytest.mark.parametrize("strategy", ["Random", "Bayesian", "Hyperband"])
def test_the_same_seed_gives_the_same_suggestions(strategy: str) -> None:
    what = search(LR, UNITS, EPOCHS, strategy=strategy)
    assert history(what, 8) == history(what, 8)
    other = search(LR, UNITS, EPOCHS, strategy=strategy, seed=8)
    assert history(what, 8) != history(other, 8)


def test_a_suggestion_depends_on_nothing_but_what_is_known() -> None:
    what = search(LR, UNITS)
    whole = history(what, 10)
    known = [Observation(one, -abs(float(one["lr"]) - 0.01)) for one in whole[:9]]
    assert suggest(what, 9, known) == whole[9]


def test_values_stay_inside_of_their_ranges() -> None:
    for values in history(search(LR, UNITS, EPOCHS), 12):
        assert 1e-4 <= float(values["lr"]) <= 1e-1
        assert values["units"] in UNITS.values
        assert values["epochs"] in "123456"


def spread(scale: Scale, low: float, high: float) -> list[float]:
    what = search(Numeric("x", low, high, scale), strategy="Random")
    return [float(suggest(what, number, [])["x"]) for number in range(150)]


def test_a_linear_range_is_searched_evenly() -> None:
    values = spread(Scale.LINEAR, 0.0, 1.0)
    assert 0.4 < statistics.median(values) < 0.6


def test_a_logarithmic_range_is_searched_evenly_by_orders_of_magnitude() -> None:
    values = spread(Scale.LOGARITHMIC, 1e-4, 1e-0)
    assert 0.003 < statistics.median(values) < 0.03


def test_a_reverse_logarithmic_range_is_searched_most_near_one() -> None:
    values = spread(Scale.REVERSE, 0.0, 0.9999)
    assert 0.97 < statistics.median(values) < 0.997
    assert all(0.0 <= value <= 0.9999 for value in values)


def test_bayesian_search_comes_closer_to_the_best_than_random_search() -> None:
    def distance(strategy: str) -> float:
        whats = [search(LR, UNITS, strategy=strategy, seed=seed, budget=24) for seed in range(4)]
        late = [values for what in whats for values in history(what, 24)[-8:]]
        return statistics.median(abs(math.log10(float(values["lr"])) + 2) for values in late)

    assert distance("Bayesian") < distance("Random") / 2


def test_the_grid_has_every_combination_once() -> None:
    what = search(UNITS, Categorical("batch-size", ("32", "64")), strategy="Grid")
    points = [tuple(suggest(what, number, []).items()) for number in range(6)]
    assert len(set(points)) == 6
    with pytest.raises(IndexError):
        suggest(what, 6, [])


def test_no_combination_comes_twice_before_all_have_come() -> None:
    what = search(UNITS, Numeric("epochs", 1, 4, Scale.LINEAR, integer=True))
    known: list[Observation] = []
    for number in range(12):
        known.append(Observation(suggest(what, number, known), objective=1.0))
    assert len({tuple(one.values.items()) for one in known}) == 12
    assert suggest(what, 12, known)


def test_running_failed_stopped_and_strange_jobs_are_taken_into_account_or_left_out() -> None:
    known = [
        Observation({"lr": "0.01"}, None, running=True),
        Observation({"lr": "0.02"}, None),
        Observation({"lr": "0.03"}, 0.5, readings=2),
        Observation({"lr": "5"}, 0.9),
        Observation({"momentum": "0.9"}, 0.9),
    ]
    assert suggest(search(LR, budget=8), 5, known)["lr"]
