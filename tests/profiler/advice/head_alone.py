"""Short real trainings of the head alone: from pictures in each epoch, or from kept features.

Network, steps, loader, clock and recording are the real ones; what stands for reading a picture
sleeps.
"""

import json
import time
from collections.abc import Iterable
from pathlib import Path

import torch

from bench.profile.advice_features import FeaturesAsTheyAre, KeptFeatures
from imageclf.artifact import NetworkSpec, Normalisation
from imageclf.config import parse
from imageclf.data.dataset import Item
from imageclf.data.loading import Batch, PictureLoader
from imageclf.debugger.hook.recorder import NoRecorder
from imageclf.model import architecture, defaults
from imageclf.model.layers import Freezer
from imageclf.profiler import names
from imageclf.profiler.collect import counting, probe
from imageclf.profiler.collect.clock import Clock
from imageclf.profiler.collect.kernels import NoWindows
from imageclf.profiler.collect.recording import Recording, began_ns
from imageclf.profiler.run import Profile
from imageclf.training import hardware
from imageclf.training.learner import Learner
from imageclf.training.processes import World
from tests.profiler.advice.sleeping import WORKER, SleepingView

EPOCHS, BATCHES, SIZE = 3, 8, 4
_NAME, _SIDE, _CLASSES, _READING_S = "resnet18", 64, 2, 0.004


def train(folder: Path, *, keep_features: bool) -> Profile:
    """The profile of the training, in `folder`."""
    settings = parse({"architecture": _NAME, "train": "head", "pretrained": "none"})
    machine = hardware.choose(settings)
    settings = defaults.resolve(settings, machine.machine)
    network = architecture.build(
        NetworkSpec(architecture=_NAME, classes=_CLASSES, image_size=_SIDE)
    )
    freezer = Freezer(network, _NAME, settings.train, settings.unfreeze_every)
    freezer.apply(1)
    freezer.train_mode()
    recording = Recording(folder, WORKER)
    clock = Clock(recording, None, NoWindows())
    prepare = FeaturesAsTheyAre(machine, "fp32", False, Normalisation())
    learner = Learner(
        network, settings, prepare, World(), [1, 1], recorder=NoRecorder(), clock=clock
    )
    recording.facts(_facts())
    operators = counting.operators_of_a_step(
        network, precision="fp32", batch_size=SIZE, image_size=_SIDE
    )
    asked = probe.asked_of(network, operators, {"precision": "fp32"})
    (folder / names.MACHINE).write_text(json.dumps({"batch_size": SIZE, "step": asked}))
    kept = KeptFeatures(network, architecture.head_name(_NAME))
    began = time.monotonic_ns()
    with _loader() as loader:
        for epoch in range(1, EPOCHS + 1):
            _epoch(learner, clock, epoch, _batches(loader, epoch, kept if keep_features else None))
    recording.span(names.TRAINING_LOOP, began, time.monotonic_ns())
    clock.close()
    recording.close()
    profile = Profile(folder)
    profile.refresh()
    return profile


def _epoch(learner: Learner, clock: Clock, epoch: int, batches: Iterable[Batch]) -> None:
    clock.begins(epoch, BATCHES)
    for batch in clock.waiting(batches):
        learner.step(batch, SIZE, epoch - 0.5)
        clock.step_ends(SIZE)


def _batches(loader: PictureLoader, epoch: int, kept: KeptFeatures | None) -> Iterable[Batch]:
    count = BATCHES * SIZE
    places = [list(range(first, first + SIZE)) for first in range(0, count, SIZE)]
    if kept is None:
        return loader.epoch(places, epoch)
    if epoch == 1:
        return kept.keep(loader.epoch(places, epoch), count)
    return kept.give(places, torch.zeros(count, dtype=torch.int64))


def _loader() -> PictureLoader:
    items = [Item(Path("none.jpg"), 0)] * (BATCHES * SIZE)
    view = SleepingView(_READING_S, _SIDE)
    return PictureLoader(items, view, seed=0, max_megapixels=1, workers=0)


def _facts() -> dict[str, object]:
    return {
        "began_ns": began_ns(),
        "device": "cpu",
        "cores": 2,
        "threads": 1,
        "workers": 0,
        "batch_size": SIZE,
        "global_batch_size": SIZE,
        "image_size": _SIDE,
        "train": "head",
        "train_images": BATCHES * SIZE,
        "epochs": EPOCHS,
        "steps_per_epoch": BATCHES,
        "precision": "fp32",
    }
