from itertools import chain

from imageclf.data.split import deal, keep_share, split_counts

SHARES = [(0.2, 0.0), (0.2, 0.2), (0.5, 0.3), (0.89, 0.05), (0.05, 0.89), (0.001, 0.001)]


def deal_by_number(
    count: int, contents: list[str] | None = None, *, seed: int = 0, name: str = "a"
) -> tuple[list[int], list[int], list[int]]:
    return deal(
        list(range(count)),
        contents or [str(number) for number in range(count)],
        validation_share=0.2,
        test_share=0.2,
        seed=seed,
        name=name,
    )


def test_every_class_keeps_a_picture_to_train_and_one_to_validate() -> None:
    for validation_share, test_share in SHARES:
        for count in range(1, 200):
            train, validation, test = split_counts(count, validation_share, test_share)
            assert train + validation + test == count
            assert train >= 1
            assert validation >= (count >= 2)
            assert test >= (count >= 3 and test_share > 0)
            assert min(validation, test) >= 0


def test_the_shares_are_met_where_a_class_has_pictures_enough() -> None:
    assert split_counts(100, 0.2, 0.0) == (80, 20, 0)
    assert split_counts(100, 0.15, 0.1) == (75, 15, 10)
    assert split_counts(1, 0.2, 0.2) == (1, 0, 0)


def test_every_picture_is_dealt_once_and_in_the_order_given() -> None:
    for count in range(1, 60):
        parts = deal_by_number(count)
        assert sorted(chain(*parts)) == list(range(count))
        assert all(part == sorted(part) for part in parts)
        assert tuple(len(part) for part in parts) == split_counts(count, 0.2, 0.2)


def test_the_split_depends_on_seed_and_class() -> None:
    assert deal_by_number(50) == deal_by_number(50)
    assert deal_by_number(50) != deal_by_number(50, seed=1)
    assert deal_by_number(50) != deal_by_number(50, name="b")


def test_copies_of_a_picture_stay_on_one_side() -> None:
    for count in range(8, 60):
        for seed in range(5):
            contents = [str(number // 2) for number in range(count)]
            sides = [
                {contents[i] for i in part} for part in deal_by_number(count, contents, seed=seed)
            ]
            assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_a_class_of_copies_only_is_split_nevertheless() -> None:
    train, validation, test = deal_by_number(5, ["same"] * 5)
    assert (len(train), len(validation), len(test)) == (3, 1, 1)


def test_a_smaller_share_lies_within_a_larger_and_holds_one_picture_at_least() -> None:
    for count in (1, 2, 9, 100):
        items = list(range(count))
        before: set[int] = set()
        for share in (0.001, 0.1, 0.25, 0.5, 0.99, 1.0):
            kept = keep_share(items, share, seed=4, name="ants")
            assert len(kept) == max(1, round(count * share))
            assert kept == sorted(kept)
            assert before <= set(kept)
            before = set(kept)
    assert keep_share([], 0.5, seed=0, name="none") == []
