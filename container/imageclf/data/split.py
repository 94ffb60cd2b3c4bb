"""Seeded, stratified choices: which pictures validate, which test, which share is used.

Each class is dealt on its own, by a shuffle that depends on the seed and the class folder's name
only, so adding a class leaves the others as they were.
"""

import random
from collections.abc import Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")


def split_counts(count: int, validation_share: float, test_share: float) -> tuple[int, int, int]:
    """How many of `count` pictures of a class train, validate and test; they sum to `count`.

    One at least trains, one validates where there are two or more, and one tests where there are
    three or more and `test_share` is not 0.
    """
    validation = _at_least_one(count * validation_share, count >= 2 and validation_share > 0)
    test = _at_least_one(count * test_share, count >= 3 and test_share > 0)
    while count - validation - test < 1 and validation + test > 0:
        if test >= validation:
            test -= 1
        else:
            validation -= 1
    return count - validation - test, validation, test


def deal(
    items: Sequence[T],
    contents: Sequence[Hashable],
    *,
    validation_share: float,
    test_share: float,
    seed: int,
    name: str,
) -> tuple[list[T], list[T], list[T]]:
    """Deal the pictures of class `name` to train, validation and test, each in the order given.

    `contents` are digests: copies of one picture stay together wherever the class has pictures
    enough, so that validation does not see what was trained on.
    """
    order = _shuffled_with_copies_together(contents, f"split {seed} {name}")
    train, validation, test = split_counts(len(items), validation_share, test_share)
    first = _cut(order, contents, validation, low=min(1, validation), high=validation + train - 1)
    second = _cut(order, contents, first + test, low=first + min(1, test), high=len(order) - 1)
    chosen = sorted(order[second:]), sorted(order[:first]), sorted(order[first:second])
    train_items, validation_items, test_items = ([items[i] for i in part] for part in chosen)
    return train_items, validation_items, test_items


def keep_share(items: Sequence[T], share: float, *, seed: int, name: str) -> list[T]:
    """A seeded share of a class's pictures, at least one, in the order given.

    A larger share holds all of a smaller one.
    """
    if share >= 1 or not items:
        return list(items)
    order = list(range(len(items)))
    random.Random(f"share {seed} {name}").shuffle(order)
    count = max(1, round(len(items) * share))
    return [items[index] for index in sorted(order[:count])]


def _at_least_one(wanted: float, possible: bool) -> int:
    return max(1, round(wanted)) if possible else 0


def _shuffled_with_copies_together(contents: Sequence[Hashable], seed: str) -> list[int]:
    groups: dict[Hashable, list[int]] = {}
    for index, content in enumerate(contents):
        groups.setdefault(content, []).append(index)
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)
    return [index for group in shuffled for index in group]


def _cut(
    order: Sequence[int], contents: Sequence[Hashable], wanted: int, *, low: int, high: int
) -> int:
    """The place nearest to `wanted`, from `low` to `high`, that parts no copies; else `wanted`."""
    if wanted == 0 or wanted >= len(order):
        return wanted
    places = sorted(range(low, high + 1), key=lambda place: (abs(place - wanted), place))
    for place in places:
        if contents[order[place - 1]] != contents[order[place]]:
            return place
    return wanted
