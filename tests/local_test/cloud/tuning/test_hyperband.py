from local_test.cloud.tuning import hyperband
from local_test.cloud.tuning.hyperband import Bracket


def test_the_brackets_are_those_of_the_paper() -> None:
    # Table 1 of Li et al. 2018: R = 81, a reduction factor of 3.
    found = hyperband.brackets(1, 81)
    assert [bracket.size for bracket in found] == [81, 34, 15, 8, 5]
    assert [bracket.rungs for bracket in found] == [(1, 3, 9, 27), (3, 9, 27), (9, 27), (27,), ()]


def test_no_job_is_judged_before_the_least_epochs() -> None:
    assert [bracket.rungs for bracket in hyperband.brackets(4, 20)] == [(7,), ()]


def test_a_single_epoch_leaves_nothing_to_judge() -> None:
    assert hyperband.brackets(1, 1) == (Bracket(1, ()),)


def test_jobs_fill_the_brackets_in_turn() -> None:
    found = hyperband.brackets(1, 9)
    places = [hyperband.bracket_of(number, found) for number in range(18)]
    assert places == [0] * 9 + [1] * 5 + [2] * 3 + [0]


def test_the_best_third_goes_on() -> None:
    others = [[0.1], [0.2], [0.3], [0.4], [0.5]]
    assert not hyperband.loses([0.6], others, 1, maximize=True)
    assert not hyperband.loses([0.45], others, 1, maximize=True)
    assert hyperband.loses([0.35], others, 1, maximize=True)
    assert not hyperband.loses([0.15], others, 1, maximize=False)


def test_the_first_goes_on_and_the_second_only_if_it_is_better() -> None:
    assert not hyperband.loses([0.1], [], 1, maximize=True)
    assert hyperband.loses([0.1], [[0.2]], 1, maximize=True)
    assert not hyperband.loses([0.3], [[0.2]], 1, maximize=True)


def test_jobs_that_never_came_to_the_rung_are_not_compared_with() -> None:
    assert not hyperband.loses([0.1, 0.1, 0.1], [[0.9], [0.9, 0.9]], 3, maximize=True)
