"""Which pictures stand in which batch, for every rank: pure functions of count, seed and epoch.

The batch size is the global one. An epoch is one permutation, cut into consecutive global
batches, each dealt to the ranks as evenly as possible. Every picture comes exactly once: none is
padded, none dropped. The permutation does not depend on the number of ranks, so a run gives the
same batches on one process or on many (but for the last, which must be large enough for all).
"""

import itertools
from collections.abc import Sequence

import numpy as np

from imageclf.errors import DataError, SettingsError

SMALLEST_SHARE = 2
"""Pictures that a rank's part of a training batch holds at least: batch norm needs two."""


def global_batch_sizes(count: int, batch_size: int, world_size: int = 1) -> list[int]:
    """Sizes of an epoch's global training batches, over all ranks together; they sum to `count`.

    A last batch too small to give every rank two pictures joins the one before it.

    Raises:
        DataError: there are fewer than two pictures for each rank.
        SettingsError: the batch size leaves a rank without a picture.
    """
    if count < SMALLEST_SHARE * world_size:
        raise DataError(
            f"{count} training images are too few for {world_size} processes, which need "
            f"{SMALLEST_SHARE} each; add images or use fewer processes."
        )
    if batch_size < world_size:
        raise SettingsError(
            f"batch-size {batch_size} is less than the {world_size} processes that share it; "
            f"make it {SMALLEST_SHARE * world_size} or more."
        )
    whole, tail = divmod(count, batch_size)
    sizes = [batch_size] * whole
    if tail >= SMALLEST_SHARE * world_size or (tail and not sizes):
        sizes.append(tail)
    elif tail:
        sizes[-1] += tail
    return sizes


def epoch_batches(
    count: int,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    rank: int = 0,
    world_size: int = 1,
    shuffle: bool = True,
) -> list[list[int]]:
    """The indices of each of `rank`'s training batches; all ranks have the same number of them.

    Raises:
        DataError, SettingsError: as `global_batch_sizes`.
    """
    sizes = global_batch_sizes(count, batch_size, world_size)
    order = _permutation(count, seed, epoch) if shuffle else list(range(count))
    return [batch[rank::world_size] for batch in _consecutive(order, sizes)]


def evaluation_batches(
    count: int, batch_size: int, rank: int = 0, world_size: int = 1
) -> list[list[int]]:
    """The indices of each of `rank`'s evaluation batches, in order; a rank's part may be empty."""
    whole, tail = divmod(count, batch_size)
    sizes = [batch_size] * whole + [tail] * (tail > 0)
    return [batch[rank::world_size] for batch in _consecutive(range(count), sizes)]


def _permutation(count: int, seed: int, epoch: int) -> list[int]:
    # RandomState's stream is frozen: the same order on every version of numpy.
    order: list[int] = np.random.RandomState([seed, epoch]).permutation(count).tolist()
    return order


def _consecutive(order: Sequence[int], sizes: Sequence[int]) -> list[list[int]]:
    ends = np.cumsum([0, *sizes]).tolist()
    return [list(order[start:end]) for start, end in itertools.pairwise(ends)]
