"""A small training with the real collectors, into which a disease can be planted.

The network, its learner, the loader with its processes or threads, the clock, the sampler and the
files are those of the product; pictures are small JPEGs. What cannot be had on every machine is
imitated, and said: a throttled disk is a file that keeps its reader waiting when it is opened.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, set_start_method
from pathlib import Path
from typing import IO
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from PIL import Image
from torch import Tensor, nn

from imageclf import artifact
from imageclf.artifact import Normalisation
from imageclf.config import Hyperparameters, parse
from imageclf.data import loading
from imageclf.data.dataset import Item
from imageclf.data.files import MeasuredFile, Opener
from imageclf.data.loading import Batch, PictureLoader
from imageclf.data.transforms import EvalTransform
from imageclf.debugger.hook.recorder import NoRecorder
from imageclf.machine import cores
from imageclf.model import defaults
from imageclf.profiler import names
from imageclf.profiler.collect import kernels, probe
from imageclf.profiler.collect.clock import Clock
from imageclf.profiler.collect.recording import Recording
from imageclf.profiler.collect.recording import began_ns as began
from imageclf.profiler.collect.sampler import Sampler
from imageclf.training import hardware
from imageclf.training.evaluation import Input
from imageclf.training.learner import Learner
from imageclf.training.processes import World

HOST = "planted"
INTERVAL_MS = 100

_CHANNELS, _LAYERS = 24, 16
_EPOCH = 40
"""Steps; the loader's processes read ahead within an epoch."""


@dataclass(frozen=True)
class Planted:
    """One training, well unless something below says otherwise.

    Args:
        size: of the views that the network sees, pixels.
        side: of the files' pictures, pixels; large ones take long to decode.
        workers: processes that read; 0 for threads.
        decode_s: what the reader sleeps for each picture, while it decodes.
        fetch_s: what opening a picture's file takes longer.
        stall_every: each such step sleeps for `stall_s` beside its work; 0 for none.
        leak_mib: what each step keeps.
        begin_s: slept before the first step.
        slow_rank: so many times the last process does each forward pass.
        checkpoint_s: what a checkpoint takes, one each five steps.
        cores: that the training may use, with as many threads, from `first_core` on; None for all.
        threads: for computing; None for one on each of its cores.
        probes: measures the machine first, which takes a second.
    """

    steps: int = 60
    batch_size: int = 8
    size: int = 16
    side: int = 24
    workers: int = 0
    decode_s: float = 0.0
    fetch_s: float = 0.0
    stall_every: int = 0
    stall_s: float = 0.0
    leak_mib: float = 0.0
    begin_s: float = 0.0
    slow_rank: int = 1
    checkpoint_s: float = 0.0
    cores: int | None = 1
    first_core: int = 0
    threads: int | None = None
    probes: bool = False


class Small(nn.Module):
    """Sixteen convolutions of 24 channels: some pictures keep a core busy, one does not."""

    def __init__(self, times: int = 1) -> None:
        super().__init__()
        self._times = times
        layers: list[nn.Module] = []
        for number in range(_LAYERS):
            layers += [
                nn.Conv2d(_CHANNELS if number else 3, _CHANNELS, 3, padding=1, bias=False),
                nn.BatchNorm2d(_CHANNELS),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(_CHANNELS, 2)

    def forward(self, images_bchw: Tensor) -> Tensor:
        """Logits [B, 2] of images [B, 3, H, W]."""
        for _ in range(self._times - 1):
            with torch.no_grad():
                self.layers(images_bchw)
        logits_bk: Tensor = self.head(self.layers(images_bchw).mean((2, 3)))
        return logits_bk


def start(planted: Planted, folder: Path, processes: int) -> None:
    """Train in so many processes of their own, with the profile in `folder`.

    They are forked from a server that has loaded torch, so that they begin at once.

    Raises:
        RuntimeError: one of them failed.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    started = [
        context.Process(target=_process, args=(planted, folder, rank, processes))
        for rank in range(processes)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    if any(process.exitcode for process in started):
        raise RuntimeError("a process of a planted training failed")


def _process(planted: Planted, folder: Path, rank: int, processes: int) -> None:
    set_start_method("fork", force=True)  # for the loader's processes, as in every training
    world = World(rank, processes, rank, processes)
    if planted.cores:
        every = sorted(os.sched_getaffinity(0))
        first = (planted.first_core + rank * planted.cores) % len(every)
        os.sched_setaffinity(0, (every[first:] + every[:first])[: planted.cores])
    if processes > 1:
        meeting = f"file://{folder.parent / 'meeting'}"
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
    try:
        run(planted, folder, world)
    finally:
        world.leave()


def run(planted: Planted, folder: Path, world: World) -> None:
    """Train in this process, which is one of several when `world` says so."""
    began_ns = began()
    files = _pictures(folder.parent / f"pictures-{planted.side}", planted.side, world)
    torch.set_num_threads(planted.threads or cores())
    recording = Recording(folder, f"{HOST}-{world.rank}")
    sampler = Sampler(folder, HOST, INTERVAL_MS, world.agree(os.getpid()))
    if world.leads:
        sampler.start()
    try:
        recording.facts(_facts(planted, world, began_ns))
        recording.span(names.INITIALISATION, began_ns, time.monotonic_ns())
        _train(planted, folder, recording, files, world)
    finally:
        recording.close()
        world.wait()
        if world.leads:
            sampler.stop()
            (folder / names.END_OF_JOB).write_text("{}")


def _train(
    planted: Planted, folder: Path, recording: Recording, files: Sequence[Path], world: World
) -> None:
    clock = Clock(recording, None, kernels.make(None, folder, recording.worker, None, False))
    learner = _learner(planted, clock, world)
    if planted.probes:
        _probe(planted, learner.network, folder)
    time.sleep(planted.begin_s)
    kept: list[npt.NDArray[np.float64]] = []
    with _slow_disk(planted.fetch_s), _loader(planted, files) as loader:
        for step, batch in enumerate(_batches(planted, loader, clock, len(files))):
            learner.step(batch, planted.batch_size * world.size, 0.0)
            if planted.leak_mib:
                kept.append(np.ones(int(planted.leak_mib * 2**17)))
            if planted.stall_every and step % planted.stall_every == planted.stall_every - 1:
                time.sleep(planted.stall_s)
            clock.step_ends(len(batch.labels_b))
            if planted.checkpoint_s and step % 5 == 4:
                with clock.aside(names.CHECKPOINT):
                    time.sleep(planted.checkpoint_s)
    clock.close()


def _batches(planted: Planted, loader: PictureLoader, clock: Clock, count: int) -> Iterator[Batch]:
    """Epochs without end, cut off after the last step."""
    order = np.arange(planted.steps * planted.batch_size) % count
    batches = order.reshape(planted.steps, planted.batch_size).tolist()
    for first in range(0, planted.steps, _EPOCH):
        clock.begins(names.TRAIN, first // _EPOCH + 1)
        yield from clock.waiting(loader.epoch(batches[first : first + _EPOCH], first))


def _learner(planted: Planted, clock: Clock, world: World) -> Learner:
    torch.manual_seed(1)
    chosen = _settings(planted)
    machine = hardware.choose(chosen)
    prepare = Input(machine, "fp32", False, Normalisation())
    times = planted.slow_rank if world.rank == world.size - 1 else 1
    network = Small(times).train()
    learner = Learner(network, chosen, prepare, world, [1, 1], recorder=NoRecorder(), clock=clock)
    learner.connect()
    return learner


def _settings(planted: Planted) -> Hyperparameters:
    given = parse(
        {
            "architecture": "resnet18",
            "pretrained": "none",
            "image-size": 32,
            "batch-size": planted.batch_size,
            "optimizer": "sgd",
            "precision": "fp32",
            "device": "cpu",
        }
    )
    return defaults.resolve(given, hardware.choose(given).machine)


def _loader(planted: Planted, files: Sequence[Path]) -> PictureLoader:
    return PictureLoader(
        [Item(path, number % 2) for number, path in enumerate(files)],
        _Sleepy(EvalTransform(planted.size), planted.decode_s),
        seed=1,
        max_megapixels=50,
        workers=planted.workers,
        threads=torch.get_num_threads(),
    )


class _Sleepy:
    """Sleeps for each picture beside making a view of it."""

    def __init__(self, transform: EvalTransform, sleeps_s: float) -> None:
        self._transform, self._sleeps_s = transform, sleeps_s
        self.image_size = transform.image_size

    def __call__(
        self,
        source: Opener | bytes,
        *,
        max_megapixels: float = 50,
        generator_seed: int | None = None,
    ) -> Tensor:
        time.sleep(self._sleeps_s)
        return self._transform(source, max_megapixels=max_megapixels, generator_seed=generator_seed)


@contextmanager
def _slow_disk(waits_s: float) -> Iterator[None]:
    """Inside, a file that is opened for a loader comes after `waits_s`."""

    class ThrottledFile(MeasuredFile):
        def open(self, mode: str = "rb", /) -> IO[bytes]:
            began_ns = time.monotonic_ns()
            time.sleep(waits_s)
            self.fetch_ns += time.monotonic_ns() - began_ns
            return super().open(mode)

    if not waits_s:
        yield
        return
    with patch.object(loading, "MeasuredFile", ThrottledFile):
        yield


def _pictures(folder: Path, side: int, world: World, count: int = 32) -> list[Path]:
    """JPEGs of noise; made once."""
    paths = [folder / f"{number}.jpg" for number in range(count)]

    def make() -> None:
        if paths[-1].exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(1)
        for path in paths:
            pixels_hwc = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels_hwc).save(path)

    world.once_per_training(make)
    return paths


def _facts(planted: Planted, world: World, began_ns: int) -> dict[str, object]:
    return {
        "began_ns": began_ns,
        "host": HOST,
        "rank": world.rank,
        "local_rank": world.local_rank,
        "world_size": world.size,
        "device": "cpu",
        "gpu": None,
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "workers": planted.workers,
        "batch_size": planted.batch_size,
        "global_batch_size": planted.batch_size * world.size,
        "image_size": planted.size,
        "architecture": "small",
        "precision": "fp32",
        "channels_last": False,
        "train": "all",
        "train_images": 1000,
        "interval_ms": INTERVAL_MS,
        "fault": "",
    }


def _probe(planted: Planted, network: nn.Module, folder: Path) -> None:
    measured = probe.measure(
        network,
        device=torch.device("cpu"),
        precision="fp32",
        batch_size=planted.batch_size,
        image_size=planted.size,
        channels_last=False,
    )
    artifact.write_json(folder / names.MACHINE, measured)
