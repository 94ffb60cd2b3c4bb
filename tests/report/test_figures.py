import math

import pytest

from imageclf.report import figures


def test_the_wilson_interval_agrees_with_published_values() -> None:
    # R. G. Newcombe (1998), Statistics in Medicine 17:857, table I, method 3
    assert figures.wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert figures.wilson_interval(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert figures.wilson_interval(0 / 20, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert figures.wilson_interval(1 / 29, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_the_interval_of_a_perfect_score_stays_below_one_and_within_it() -> None:
    low, high = figures.wilson_interval(1.0, 40)
    assert 0.9 < low < 1
    assert high == 1


def test_confusions_come_most_frequent_first_and_never_from_the_diagonal() -> None:
    found = figures.frequent_confusions([[50, 1, 3], [0, 9, 1], [0, 0, 7]], ["a", "b", "c"], 2)
    assert [(one.label, one.predicted, one.count) for one in found] == [
        ("a", "c", 3),
        ("b", "c", 1),
    ]
    assert found[1].share == pytest.approx(0.1)


def test_a_class_without_images_has_no_shares_instead_of_nan() -> None:
    assert figures.row_shares([[0, 0], [1, 3]]).tolist() == [[0, 0], [0.25, 0.75]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.6, "12,346"),
        (0.4821, "0.4821"),
        (0.00012, "0.00012"),
        (0.00001, "1e-5"),
        (0, "0"),
        (10, "10"),
        (-2.5, "-2.5"),
        (1e30, f"{1e30:,.0f}"),
        (math.nan, figures.MISSING),
        (math.inf, "∞"),
        (None, figures.MISSING),
    ],
)
def test_numbers_are_written_for_people(value: float | None, text: str) -> None:
    assert figures.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (4.21, "4.2 s"),
        (59.97, "1 min 0 s"),
        (123.4, "2 min 3 s"),
        (3599.8, "1 h 0 min"),
        (4000, "1 h 7 min"),
    ],
)
def test_durations_use_two_units_at_most(seconds: float, text: str) -> None:
    assert figures.duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (123_456_789, "123 MB"), (999_999, "1 MB")],
)
def test_sizes_use_decimal_units(size: int, text: str) -> None:
    assert figures.data_size(size).replace("\N{NO-BREAK SPACE}", " ") == text


def test_runs_of_epochs_are_joined() -> None:
    assert figures.ranges([1, 2, 3, 7]) == "1 to 3 and 7"
    assert figures.ranges([4]) == "4"
    assert figures.listing(["a", "b", "c"]) == "a, b and c"


def test_large_magnitudes_are_written_briefly_and_others_as_numbers() -> None:
    assert figures.magnitude(1.5e30) == "1.5e30"
    assert figures.magnitude(-2e12) == "-2e12"
    assert figures.magnitude(123456.0) == "123,456"
    assert figures.magnitude(float("inf")) == "∞"
    assert figures.magnitude(2e6, large=1e6) == "2e6"
    assert figures.magnitude(None) == figures.MISSING
