import numpy as np
import pytest

from imageclf.profiler.percentiles import percentiles


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101, 5000])
def test_they_are_those_of_numpy_on_the_raw_series(count: int) -> None:
    series = np.random.default_rng(count).gamma(2.0, 20.0, count)
    found = percentiles(series)
    assert (found.p99, found.p95, found.p50) == tuple(np.percentile(series, [99, 95, 50]))
    assert (found.max, found.min, found.count) == (series.max(), series.min(), count)


def test_what_is_not_known_does_not_count() -> None:
    series = np.array([np.nan, 3.0, np.inf, 1.0, 2.0, np.nan])
    assert percentiles(series) == percentiles([1.0, 2.0, 3.0])


@pytest.mark.parametrize("series", [[], [np.nan, np.nan]], ids=["empty", "unknown"])
def test_of_nothing_they_are_null_in_json(series: list[float]) -> None:
    assert percentiles(series).as_json() == {
        "max": None,
        "p99": None,
        "p95": None,
        "p50": None,
        "min": None,
        "count": 0,
    }
