"""Batches of views, read by worker processes that live as long as the loader, or by threads.

Beside an accelerator, worker processes read ahead. On the CPU the model wants every core itself:
there threads of the training process read each batch between two steps, on all cores (Pillow
decodes and resizes outside the interpreter's lock), so nothing competes with the model.

A view depends on seed, epoch and picture alone, so the batches are the same, bit for bit, whatever
the number of workers. Workers ignore SIGTERM and SIGINT, which reach a whole process group: the
training process decides when to stop, and its workers end with it.
"""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from imageclf.data.augment import view_seed
from imageclf.data.dataset import DataSet, Item
from imageclf.data.files import MeasuredFile
from imageclf.data.transforms import Transform
from imageclf.errors import DataError, ImageError

MOST_WORKERS = 16

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_WORKER_DIED = ("exited unexpectedly", "killed by signal")

Key = tuple[int, int]  # epoch and index


class Read(NamedTuple):
    """What reading one batch took; times are nanoseconds, `at_ns` is of the monotonic clock.

    `fetch_ns` is the reading of files, `view_ns` all else that makes views of them; both are summed
    over the pictures, of all threads together. `worker` is the number of the reading process, -1
    when `threads` of the training process read.
    """

    at_ns: int
    took_ns: int
    fetch_ns: int
    view_ns: int
    images: int
    worker: int
    threads: int


class Batch(NamedTuple):
    """Views of some pictures: uint8 [B, 3, H, W] with channels last in memory, and int64 [B]s.

    `indices_b` are places in the items that the loader was made of.
    """

    images_u8_bchw: Tensor
    labels_b: Tensor
    indices_b: Tensor
    read: Read | None = None


class Unreadable(NamedTuple):
    """What a worker hands over instead of a batch when a picture fails."""

    path: Path
    sentence: str


def default_workers(cores: int, processes: int, accelerator: bool) -> int:
    """Workers for each training process: none on the CPU, where its threads read."""
    if not accelerator:
        return 0
    return max(1, min(MOST_WORKERS, cores // processes - 1))


class PictureLoader:
    """Gives epochs of batches of `items`; a context manager, closed when training ends.

    `workers` processes start with the first epoch and stay; with 0 the caller's process reads, in
    `threads` threads.
    """

    def __init__(
        self,
        items: Sequence[Item],
        transform: Transform,
        *,
        seed: int,
        max_megapixels: float,
        workers: int,
        threads: int = 1,
        pin_memory: bool = False,
    ) -> None:
        self._plan = _Plan()
        count = threads if workers == 0 else 1
        self._threads = _reading_threads(count) if count > 1 else None
        self._loader: DataLoader[Any] | None = DataLoader(
            _Views(
                items, transform, seed, max_megapixels, threads=self._threads, thread_count=count
            ),
            batch_sampler=self._plan,
            num_workers=workers,
            collate_fn=_as_it_is,
            pin_memory=pin_memory,
            worker_init_fn=_ignore_stop_signals,
            persistent_workers=workers > 0,
            generator=torch.Generator(),  # the global one stays as it is
        )

    def epoch(self, batches: Sequence[Sequence[int]], epoch: int) -> Iterator[Batch]:
        """The views of `epoch` for `batches` of indices, in that order; a batch may be empty.

        Raises:
            DataError: a picture cannot be read any more, or a worker was killed.
        """
        if self._loader is None:
            raise ValueError("the loader is closed")
        self._plan.batches = [[(epoch, index) for index in batch] for batch in batches]
        with self._dead_worker_as_data_error():
            with _signals_kept():
                views = iter(self._loader)
            for batch in views:
                if isinstance(batch, Unreadable):
                    raise DataError(
                        f"{batch.path} could be read when the job began and now cannot: "
                        f"{batch.sentence}"
                    )
                yield batch

    def close(self) -> None:
        """End the workers."""
        workers = getattr(self._loader, "_iterator", None)
        if workers is not None:
            # Their iterator ends them when it is collected, for which a traceback would make
            # them wait.
            workers._shutdown_workers()
        self._loader = None

    @contextmanager
    def _dead_worker_as_data_error(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, EOFError, ConnectionError, FileNotFoundError) as error:
            # The latter three when it died between announcing a batch and handing it over.
            if isinstance(error, RuntimeError) and not _mentions(error, _WORKER_DIED):
                raise
            self.close()
            raise DataError(
                "A process that reads images was killed, most often for want of memory or shared "
                f"memory ({_shared_memory_mib()} MiB are free); set workers or batch-size lower."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def make_loader(
    data: DataSet,
    items: Sequence[Item],
    transform: Transform,
    batches: Sequence[Sequence[int]],
    *,
    seed: int,
    epoch: int,
    workers: int,
    pin_memory: bool = False,
) -> Iterator[Batch]:
    """One epoch of `items`, with workers of its own; `PictureLoader` keeps them for the next.

    Raises:
        DataError: as `PictureLoader.epoch`.
    """
    with PictureLoader(
        items,
        transform,
        seed=seed,
        max_megapixels=data.max_megapixels,
        workers=workers,
        pin_memory=pin_memory,
    ) as loader:
        yield from loader.epoch(batches, epoch)


def _reading_threads(count: int) -> ThreadPoolExecutor:
    """Threads in which torch computes alone.

    Otherwise each of them gets an OpenMP team of its own; OpenMP then counts more threads than
    cores and no longer keeps the model's team awake between two operations (4 % of a step).
    """
    return ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))


class _Plan:
    """The batches of the epoch to come; workers that stay read it anew each epoch."""

    def __init__(self) -> None:
        self.batches: list[list[Key]] = []

    def __iter__(self) -> Iterator[list[Key]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _Views(Dataset[Any]):
    def __init__(
        self,
        items: Sequence[Item],
        transform: Transform,
        seed: int,
        max_megapixels: float,
        *,
        threads: ThreadPoolExecutor | None,
        thread_count: int,
    ) -> None:
        self._map = map if threads is None else threads.map
        self._thread_count = thread_count
        self._items = items
        self._transform = transform
        self._seed = seed
        self._max_megapixels = max_megapixels

    def __getitems__(self, keys: Sequence[Key]) -> Batch | Unreadable:
        at_ns = time.monotonic_ns()
        side = self._transform.image_size
        images_bhwc = torch.empty((len(keys), side, side, 3), dtype=torch.uint8)
        images_bchw = images_bhwc.permute(0, 3, 1, 2)

        def fill(place: int) -> Unreadable | tuple[int, int]:
            """Nanoseconds of fetching and of all, unless the picture fails."""
            epoch, index = keys[place]
            began_ns = time.monotonic_ns()
            file = MeasuredFile(self._items[index].path)
            try:
                images_bchw[place] = self._transform(
                    file,
                    max_megapixels=self._max_megapixels,
                    generator_seed=view_seed(self._seed, epoch, index),
                )
            except ImageError as error:
                return Unreadable(file.path, str(error))
            return file.fetch_ns, time.monotonic_ns() - began_ns

        fetch_ns = all_ns = 0
        for done in self._map(fill, range(len(keys))):
            if isinstance(done, Unreadable):
                return done
            fetch_ns += done[0]
            all_ns += done[1]
        labels = [self._items[index].label for _, index in keys]
        indices = [index for _, index in keys]
        return Batch(
            images_bchw,
            torch.tensor(labels, dtype=torch.int64),
            torch.tensor(indices, dtype=torch.int64),
            Read(
                at_ns,
                time.monotonic_ns() - at_ns,
                fetch_ns,
                all_ns - fetch_ns,
                len(keys),
                _worker_number(),
                self._thread_count,
            ),
        )


def _worker_number() -> int:
    worker = get_worker_info()
    return -1 if worker is None else worker.id


def _as_it_is(batch: Any) -> Any:
    return batch


def _ignore_stop_signals(worker: int) -> None:  # noqa: ARG001  DataLoader gives the number
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Start workers without a change to how this process is signalled.

    Stop signals are held back, so that none reaches a worker before it ignores them. torch's
    handler of SIGCHLD is taken away again: when a worker dies it raises wherever the process
    happens to be; without it the next batch raises.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    on_child = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and on_child is not None:
            signal.signal(signal.SIGCHLD, on_child)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _mentions(error: BaseException, words: Iterable[str]) -> bool:
    return any(word in str(error) for word in words)


def _shared_memory_mib() -> int:
    try:
        free = os.statvfs("/dev/shm")  # noqa: S108  where torch passes tensors between processes
    except OSError:
        return 0
    return free.f_bavail * free.f_frsize // 2**20
