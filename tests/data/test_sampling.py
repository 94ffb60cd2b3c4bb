from itertools import chain

import pytest

from imageclf.data.sampling import epoch_batches, evaluation_batches, global_batch_sizes
from imageclf.errors import DataError, SettingsError

WORLDS = (1, 2, 3, 4, 8)
SIZES = [
    (count, batch_size, world)
    for world in WORLDS
    for count in (2 * world, 2 * world + 1, 17, 33, 64, 100, 101)
    for batch_size in (2 * world, 2 * world + 1, 16, 32, 1000)
    if count >= 2 * world
]


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_picture_comes_exactly_once_an_epoch(shuffle: bool) -> None:
    for count, batch_size, world in SIZES:
        seen = [
            index
            for rank in range(world)
            for batch in epoch_batches(
                count,
                batch_size,
                seed=1,
                epoch=2,
                rank=rank,
                world_size=world,
                shuffle=shuffle,
            )
            for index in batch
        ]
        assert sorted(seen) == list(range(count)), (count, batch_size, world)


def test_all_ranks_have_as_many_batches_and_two_pictures_in_each() -> None:
    for count, batch_size, world in SIZES:
        ranks = [
            epoch_batches(count, batch_size, seed=0, epoch=0, rank=rank, world_size=world)
            for rank in range(world)
        ]
        sizes = global_batch_sizes(count, batch_size, world)
        for step, size in enumerate(sizes):
            parts = [len(rank[step]) for rank in ranks]
            assert sum(parts) == size
            assert min(parts) >= 2
            assert max(parts) - min(parts) <= 1
        assert all(len(rank) == len(sizes) for rank in ranks)


def test_batches_are_of_the_size_asked_for_but_for_the_last() -> None:
    assert global_batch_sizes(100, 32) == [32, 32, 32, 4]
    assert global_batch_sizes(97, 32) == [32, 32, 33]
    assert global_batch_sizes(99, 32, world_size=2) == [32, 32, 35]
    assert global_batch_sizes(5, 32) == [5]
    assert global_batch_sizes(3, 1) == [1, 1, 1]


def test_the_global_batches_are_the_same_on_any_number_of_ranks() -> None:
    alone = epoch_batches(104, 16, seed=3, epoch=4)
    for world in (2, 4):
        ranks = [
            epoch_batches(104, 16, seed=3, epoch=4, rank=rank, world_size=world)
            for rank in range(world)
        ]
        together = [sorted(chain(*parts)) for parts in zip(*ranks, strict=True)]
        assert together == [sorted(batch) for batch in alone]


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    first = epoch_batches(50, 8, seed=1, epoch=1)
    assert first == epoch_batches(50, 8, seed=1, epoch=1)
    assert first != epoch_batches(50, 8, seed=1, epoch=2)
    assert first != epoch_batches(50, 8, seed=2, epoch=1)
    assert epoch_batches(6, 4, seed=0, epoch=0) == [[3, 5, 4, 0], [2, 1]]


def test_without_shuffle_the_order_is_kept() -> None:
    assert epoch_batches(5, 2, seed=0, epoch=9, shuffle=False) == [[0, 1], [2, 3, 4]]


def test_evaluation_covers_every_picture_in_order_and_a_rank_may_get_none() -> None:
    for world in WORLDS:
        for count in (0, 1, 5, 16, 33):
            ranks = [evaluation_batches(count, 8, rank, world) for rank in range(world)]
            seen = [i for step in zip(*ranks, strict=True) for i in sorted(chain(*step))]
            assert seen == list(range(count))
    assert evaluation_batches(9, 8, rank=1, world_size=2) == [[1, 3, 5, 7], []]


def test_too_few_pictures_for_the_processes_is_a_data_error() -> None:
    with pytest.raises(DataError, match="3 training images are too few for 2 processes"):
        epoch_batches(3, 8, seed=0, epoch=0, world_size=2)


def test_a_batch_that_leaves_a_rank_without_pictures_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="batch-size 3 is less than the 4 processes"):
        epoch_batches(100, 3, seed=0, epoch=0, world_size=4)
