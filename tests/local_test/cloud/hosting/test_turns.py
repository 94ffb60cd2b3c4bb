from collections import Counter

from local_test.cloud.hosting.turns import Turns


def taken(weights: dict[str, float], count: int) -> list[str]:
    turns = Turns(weights)
    return [turns.next() for _ in range(count)]


def test_shares_are_exact_and_spread() -> None:
    assert taken({"a": 3, "b": 1}, 8) == ["a", "a", "b", "a", "a", "a", "b", "a"]
    assert Counter(taken({"a": 0.7, "b": 0.2, "c": 0.1}, 100)) == {"a": 70, "b": 20, "c": 10}


def test_a_weight_of_nothing_gets_nothing() -> None:
    assert set(taken({"a": 0, "b": 1}, 5)) == {"b"}


def test_when_nobody_has_a_weight_all_are_alike() -> None:
    assert Counter(taken({"a": 0, "b": 0}, 4)) == {"a": 2, "b": 2}
