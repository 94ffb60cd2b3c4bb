import pytest

from imageclf.profiler.rules.unequal import Pair, odd_ones

EVEN = dict.fromkeys(range(8), 90.0)


def _against(gpu: int, others: range) -> set[Pair]:
    return {(min(gpu, other), max(gpu, other)) for other in others if other != gpu}


def test_one_gpu_explains_all_pairs_that_it_is_in() -> None:
    assert odd_ones(_against(5, range(8)), EVEN) == (5,)


def test_two_that_differ_from_all_but_each_other_are_both_odd() -> None:
    pairs = _against(1, range(8)) | _against(6, range(8))
    assert odd_ones(pairs - {(1, 6)}, EVEN) == (1, 6)


def test_of_two_that_differ_the_one_that_is_used_less_is_odd() -> None:
    assert odd_ones({(0, 1)}, {0: 90.0, 1: 20.0}) == (1,)
    assert odd_ones({(0, 1)}, {0: 20.0, 1: 90.0}) == (0,)


@pytest.mark.parametrize("low", [(0, 1, 2, 3), (4, 5, 6, 7)])
def test_of_two_halves_the_lower_one_is_odd(low: tuple[int, ...]) -> None:
    means = {each: 20.0 if each in low else 90.0 for each in range(8)}
    pairs = {(a, b) for a in range(4) for b in range(4, 8)}
    assert odd_ones(pairs, means) == low


def test_no_gpu_is_odd_that_the_others_explain() -> None:
    """GPU 0 differs from most, yet all that it differs from differ from one more."""
    pairs = {(0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (3, 6)}
    assert odd_ones(pairs, EVEN) == (1, 2, 3)


def test_nothing_is_odd_where_nothing_differs() -> None:
    assert odd_ones(set(), EVEN) == ()
