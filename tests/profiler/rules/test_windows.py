import numpy as np
import pytest

from imageclf.profiler.rules.windows import Windows


def _all(windows: Windows, count: int, portion: int) -> list[tuple[float, list[float]]]:
    found = []
    for first in range(0, count, portion):
        at_s = np.arange(first, min(first + portion, count), dtype=np.float64)
        ends_s, judged = windows.add(at_s, at_s[:, None] * 10)
        found += list(zip(ends_s.tolist(), judged[:, :, 0].tolist(), strict=True))
    return found


@pytest.mark.parametrize("portion", [1, 3, 7, 100])
def test_the_first_window_ends_with_the_last_point_of_patience(portion: int) -> None:
    found = _all(Windows(patience=10, window=4), 20, portion)
    assert found == [
        (9.0, [60.0, 70.0, 80.0, 90.0]),
        (13.0, [100.0, 110.0, 120.0, 130.0]),
        (17.0, [140.0, 150.0, 160.0, 170.0]),
    ]


@pytest.mark.parametrize("portion", [1, 5, 100])
def test_a_window_longer_than_patience_waits_until_it_is_full(portion: int) -> None:
    found = _all(Windows(patience=0, window=8), 17, portion)
    assert [end_s for end_s, _ in found] == [7.0, 15.0]
    assert found[0][1] == [10.0 * point for point in range(8)]


def test_nothing_is_judged_before_patience_is_over() -> None:
    assert _all(Windows(patience=1000, window=10), 999, 50) == []


def test_no_more_is_kept_than_the_next_window_needs() -> None:
    windows = Windows(patience=10, window=10)
    _all(windows, 10_005, 100)
    assert len(windows._rows) == 5
