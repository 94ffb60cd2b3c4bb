import numpy as np
import pytest

from imageclf.profiler.report.thinning import MOST_POINTS, means, thin, with_gaps

RNG = np.random.default_rng(3)


def test_a_short_series_is_drawn_whole() -> None:
    assert thin(RNG.normal(size=MOST_POINTS)).tolist() == list(range(MOST_POINTS))


@pytest.mark.parametrize("count", [2001, 5000, 99_999, 100_000])
def test_a_long_series_keeps_its_ends_and_extremes_in_order(count: int) -> None:
    values = RNG.normal(size=count)
    spike, dip = int(RNG.integers(count)), int(RNG.integers(count))
    values[spike], values[dip] = 50.0, -50.0
    kept = thin(values)
    assert len(kept) <= MOST_POINTS
    assert (np.diff(kept) > 0).all()
    assert {0, spike, dip, count - 1} <= set(kept.tolist())


def test_every_stretch_of_a_long_series_keeps_its_own_extremes() -> None:
    values = RNG.normal(size=10_000)
    kept = set(thin(values, 100).tolist())
    for begin in range(0, 10_000, 1000):
        part = values[begin : begin + 1000]
        assert {begin + int(part.argmin()), begin + int(part.argmax())} <= kept


def test_values_that_are_not_known_hide_no_extreme_and_stay_gaps() -> None:
    values = np.full(10_000, np.nan)
    values[::7] = 1.0
    values[7000] = 9.0
    values[3000:4000] = np.nan
    kept = thin(values)
    assert np.nanmax(values[kept]) == 9.0
    assert np.isnan(values[kept]).any()


def test_a_line_does_not_cross_a_silence_of_the_sampler() -> None:
    at_s = np.concatenate([np.arange(0, 10, 0.5), np.arange(60, 70, 0.5)])
    times, values = with_gaps(at_s, np.ones(40))
    assert len(times) == 41 and np.isnan(values[20])
    assert 9.5 < times[20] < 60
    assert len(with_gaps(at_s[:20], np.ones(20))[0]) == 20


def test_means_are_those_of_the_values_between_the_edges() -> None:
    at_s = np.asarray([0.0, 1.0, 2.0, 5.0])
    found = means(at_s, np.asarray([1.0, np.nan, 3.0, 8.0]), np.asarray([0.0, 3.0, 4.0, 6.0]))
    assert found[0] == 2.0 and np.isnan(found[1]) and found[2] == 8.0
