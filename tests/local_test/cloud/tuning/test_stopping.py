from local_test.cloud.tuning import stopping


def test_a_job_below_the_median_of_the_running_averages_is_stopped() -> None:
    finished = [[0.2, 0.6], [0.4, 0.8], [0.6, 1.0]]
    # The averages up to the second epoch are 0.4, 0.6 and 0.8.
    assert stopping.is_below_median([0.9, 0.59], finished, maximize=True)
    assert not stopping.is_below_median([0.1, 0.61], finished, maximize=True)
    assert stopping.is_below_median([0.1, 0.61], finished, maximize=False)


def test_the_first_epoch_is_compared_with_first_epochs() -> None:
    finished = [[0.2, 0.9], [0.3, 0.9], [0.4, 0.9]]
    assert not stopping.is_below_median([0.35], finished, maximize=True)


def test_nothing_is_stopped_before_there_is_something_to_compare_with() -> None:
    assert not stopping.is_below_median([0.0], [[1.0], [1.0]], maximize=True)
    assert not stopping.is_below_median([], [[1.0]] * 3, maximize=True)
    assert not stopping.is_below_median([0.0] * 2, [[1.0]] * 3, maximize=True)


def test_jobs_that_gain_less_than_one_percent_are_counted() -> None:
    assert stopping.jobs_not_improving([], maximize=True) == 0
    assert stopping.jobs_not_improving([0.5, 0.6], maximize=True) == 0
    assert stopping.jobs_not_improving([0.5, 0.502, 0.4, 0.504], maximize=True) == 3
    assert stopping.jobs_not_improving([0.5, 0.4, 0.6, 0.6], maximize=True) == 1
    assert stopping.jobs_not_improving([0.5, 0.45, 0.449], maximize=False) == 1


def test_an_objective_of_zero_or_below_can_improve() -> None:
    assert stopping.jobs_not_improving([0.0, 1e-9], maximize=True) == 0
    assert stopping.jobs_not_improving([-1.0, -0.5], maximize=True) == 0
    assert stopping.jobs_not_improving([-1.0, -0.999], maximize=True) == 1


def test_a_search_has_converged_when_many_jobs_gained_nothing() -> None:
    assert not stopping.has_converged([0.9] * 10, ranges=1, maximize=True)
    assert stopping.has_converged([0.9] * 11, ranges=1, maximize=True)
    assert not stopping.has_converged([0.9] * 11, ranges=5, maximize=True)


def test_a_target_is_reached_by_being_as_good() -> None:
    assert stopping.has_reached([0.5, 0.9], 0.9, maximize=True)
    assert not stopping.has_reached([0.5, 0.89], 0.9, maximize=True)
    assert stopping.has_reached([0.5], 0.6, maximize=False)
    assert not stopping.has_reached([], 0.6, maximize=False)
