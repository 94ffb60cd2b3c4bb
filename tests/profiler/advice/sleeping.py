"""Runs whose costs are known because everything in them sleeps: reading and computing alike.

The loader, its reading processes, the clock and the recording are the real ones.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imageclf.data.dataset import Item
from imageclf.data.decode import DEFAULT_MAX_MEGAPIXELS
from imageclf.data.files import Opener
from imageclf.data.loading import PictureLoader
from imageclf.profiler import names
from imageclf.profiler.collect.clock import Clock
from imageclf.profiler.collect.kernels import NoWindows
from imageclf.profiler.collect.recording import Recording, began_ns
from imageclf.profiler.files.blocks import Writer
from imageclf.profiler.run import Profile

WORKER = "algo-1-0"
SIDE = 8


@dataclass(frozen=True)
class SleepingView:
    """Takes so long to make a view; the file is not looked at."""

    sleep_s: float
    image_size: int = SIDE

    def __call__(
        self,
        source: Path | bytes | Opener,  # noqa: ARG002
        *,
        max_megapixels: float = DEFAULT_MAX_MEGAPIXELS,  # noqa: ARG002
        generator_seed: int | None = None,  # noqa: ARG002
    ) -> Tensor:
        time.sleep(self.sleep_s)
        return torch.zeros((3, self.image_size, self.image_size), dtype=torch.uint8)


@dataclass(frozen=True)
class Costs:
    """Of one picture's reading, and of one step's computing: fixed, and for each picture."""

    reading_s: float
    step_s: float
    picture_s: float = 0.0


def train(
    folder: Path, costs: Costs, batches: Sequence[int], workers: int = 0, threads: int = 1
) -> Profile:
    """The profile, in `folder`, of a training with batches of these sizes."""
    count = sum(batches)
    recording = Recording(folder, WORKER)
    clock = Clock(recording, None, NoWindows())
    size = max(batches)
    recording.facts(
        {
            "began_ns": began_ns(),
            "device": "cpu",
            "cores": 2,
            "threads": threads,
            "workers": workers,
            "batch_size": size,
            "global_batch_size": size,
            "image_size": SIDE,
            "train_images": count,
            "epochs": 1,
            "precision": "fp32",
        }
    )
    items = [Item(Path("none.jpg"), 0)] * count
    loader = PictureLoader(
        items,
        SleepingView(costs.reading_s),
        seed=0,
        max_megapixels=1,
        workers=workers,
        threads=threads,
    )
    began, worked_s = time.monotonic_ns(), time.process_time()
    with loader:
        clock.begins(1, len(batches))
        for batch in clock.waiting(loader.epoch(_indices(batches), 1)):
            clock.enter(names.FORWARD)
            time.sleep(costs.step_s + costs.picture_s * len(batch.labels_b))
            clock.step_ends(len(batch.labels_b))
    ended, worked_s = time.monotonic_ns(), time.process_time() - worked_s
    recording.span(names.TRAINING_LOOP, began, ended)
    _sample(folder, range(began, ended, 10**8), 100 * worked_s / (ended - began) * 1e9)
    clock.close()
    recording.close()
    profile = Profile(folder)
    profile.refresh()
    return profile


def _indices(batches: Sequence[int]) -> list[list[int]]:
    places = iter(range(sum(batches)))
    return [[next(places) for _ in range(size)] for size in batches]


def _sample(folder: Path, at_ns: Sequence[int], own_cpu: float) -> None:
    """What the sampler would have seen, but for its other columns."""
    samples = Writer(folder / names.SYSTEM / "algo-1", [names.OWN_CPU], {})
    samples.write(at_ns, np.full((len(at_ns), 1), own_cpu))
    samples.close()
