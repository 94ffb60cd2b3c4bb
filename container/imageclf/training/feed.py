"""Which pictures each process gets, epoch by epoch."""

from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from imageclf.config import Hyperparameters
from imageclf.data.augment import TrainTransform
from imageclf.data.dataset import DataSet, Item
from imageclf.data.loading import Batch, PictureLoader, default_workers
from imageclf.data.sampling import epoch_batches, evaluation_batches, global_batch_sizes
from imageclf.data.transforms import EvalTransform, Transform
from imageclf.machine import cores
from imageclf.training.hardware import Hardware
from imageclf.training.processes import World


class Feed:
    """Batches of one data set for one process; a context manager that ends its readers."""

    def __init__(
        self, data: DataSet, settings: Hyperparameters, world: World, hardware: Hardware
    ) -> None:
        self._data = data
        self._settings = settings
        self._world = world
        self._is_cuda = hardware.is_cuda
        self._batch_size = settings.batch_size or 1
        size, share = settings.image_size or 1, settings.crop_share
        self._eval_transform = EvalTransform(size, share)
        workers = settings.workers
        if workers is None:
            workers = default_workers(cores(), world.local_size, hardware.is_cuda)
        self.workers = workers
        """Processes that read for this one."""
        self._threads = hardware.threads
        transform = TrainTransform(size, settings.augment, share)
        self._training = self._loader(data.train, transform)
        self._validation = self._loader(data.validation, self._eval_transform)
        self.global_sizes = global_batch_sizes(len(data.train), self._batch_size, world.size)
        self.validation_labels_n = labels(data.validation)

    def training(self, epoch: int, first_batch: int) -> Iterator[Batch]:
        """This process's part of the epoch's batches from `first_batch` on."""
        batches = epoch_batches(
            len(self._data.train),
            self._batch_size,
            seed=self._settings.seed,
            epoch=epoch,
            rank=self._world.rank,
            world_size=self._world.size,
        )
        return self._training.epoch(batches[first_batch:], epoch)

    def validation(self) -> Iterator[Batch]:
        """This process's part of the validation split."""
        return self._validation.epoch(self._part(len(self._data.validation)), 0)

    def once(self, items: tuple[Item, ...]) -> Iterator[Batch]:
        """This process's part of any other split, seen as in validation."""
        with self._loader(items, self._eval_transform) as loader:
            yield from loader.epoch(self._part(len(items)), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._training.close()
        self._validation.close()

    def _part(self, count: int) -> list[list[int]]:
        return evaluation_batches(count, self._batch_size, self._world.rank, self._world.size)

    def _loader(self, items: tuple[Item, ...], transform: Transform) -> PictureLoader:
        return PictureLoader(
            items,
            transform,
            seed=self._settings.seed,
            max_megapixels=self._data.max_megapixels,
            workers=self.workers,
            threads=self._threads,
            pin_memory=self._is_cuda,
        )


def labels(items: tuple[Item, ...]) -> npt.NDArray[np.int64]:
    """The label of each picture [N]."""
    return np.array([item.label for item in items], np.int64)
