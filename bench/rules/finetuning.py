"""A short fine-tuning as the training program does it, and the pictures for it.

The pieces are the program's own: its learner, freezer, schedule and recorder, with the debugger set
by hyperparameters. Only files, checkpoints and the report are left out. The pictures are
handwritten digits that scikit-learn brings: a network is "pretrained" on the first five, and
fine-tuned on others.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from bench.rules.small import KINDS
from imageclf.artifact import NetworkSpec, Normalisation
from imageclf.config import Hyperparameters, parse
from imageclf.data.loading import Batch
from imageclf.debugger.hook import settings as debug_settings
from imageclf.debugger.hook.recorder import NoRecorder, Recorder
from imageclf.errors import TensorsError
from imageclf.model import architecture as architectures
from imageclf.model import defaults
from imageclf.model.layers import Freezer
from imageclf.training import hardware
from imageclf.training.evaluation import Input, predict
from imageclf.training.learner import Learner
from imageclf.training.processes import World
from imageclf.training.stop import StopSignal

OLD, NEW = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9)
"""Digits to be pretrained on, and to be fine-tuned on."""

_PRETRAINING = {"pretrained": "none", "epochs": "8", "batch-size": "32", "lr": "0.003"}
_NOISE = 20.0
_SHIFT = 3


@dataclass(frozen=True)
class Pictures:
    """Some pictures, uint8 [N, 3, S, S], with their classes, which count from 0."""

    images_u8_nchw: Tensor
    labels_n: npt.NDArray[np.int64]

    @property
    def counts(self) -> list[int]:
        """Pictures of each class."""
        return [int(count) for count in np.bincount(self.labels_n)]

    def part(self, places: npt.NDArray[np.intp]) -> "Pictures":
        """Those at `places`."""
        return Pictures(self.images_u8_nchw[torch.from_numpy(places)], self.labels_n[places])


@dataclass(frozen=True)
class Task:
    """Pictures to learn from and to validate with.

    Args:
        shuffled: whether batches are mixed anew in each epoch, or come as the pictures lie.
        shifted: whether each picture is moved a little at each sight; what augmentation does.
    """

    training: Pictures
    validation: Pictures
    shuffled: bool = True
    shifted: bool = True


def digits(wanted: tuple[int, ...], size: int, rng: np.random.Generator) -> Pictures:
    """All pictures of the digits `wanted`, in random colours on a random ground, under noise."""
    known = load_digits()
    chosen = np.isin(known.target, wanted)
    grey = torch.tensor(known.images[chosen] / 16, dtype=torch.float32)[:, None]
    grey = functional.interpolate(grey, size=(size, size), mode="bilinear")
    ground, ink = rng.uniform(0, 255, (2, 1, 3, 1, 1)).astype(np.float32)
    ink = np.where(abs(ink - ground).max() < 100, 255 - ground, ink)
    colours = torch.from_numpy(ground) + grey * torch.from_numpy(ink - ground)
    noise = torch.from_numpy(rng.normal(0, _NOISE, colours.shape).astype(np.float32))
    images = (colours + noise).clamp(0, 255).to(torch.uint8)
    labels = np.searchsorted(wanted, known.target[chosen])
    return Pictures(images, labels.astype(np.int64))


def task(wanted: tuple[int, ...], counts: list[int], size: int, seed: int) -> Task:
    """A task with so many training pictures of each class; up to 150 others validate."""
    rng = np.random.default_rng(seed)
    every = digits(wanted, size, rng)
    places = rng.permutation(len(every.labels_n))
    of_class = [places[every.labels_n[places] == k] for k in range(len(wanted))]
    training = np.concatenate([of[:n] for of, n in zip(of_class, counts, strict=True)])
    rest = np.concatenate([of[n:] for of, n in zip(of_class, counts, strict=True)])
    rest = rng.permutation(rest)[:150]
    return Task(every.part(rng.permutation(training)), every.part(rest))


def resolved(given: Mapping[str, str]) -> Hyperparameters:
    """The settings of a training on one CPU in fp32, checked as the program checks them."""
    fixed = {
        "architecture": "resnet18",  # the freezer looks there what the head is called: fc
        "precision": "fp32",
        "channels-last": "false",
        "batch-size": "16",
    }
    return defaults.resolve(parse({**fixed, **given}), hardware.choose(parse({})).machine)


def fine_tune(
    task: Task,
    settings: Hyperparameters,
    kind: str,
    folder: Path | None = None,
    normalisation: Normalisation | None = None,
) -> float:
    """Train a network that knows the old digits and save its tensors in `folder`.

    Args:
        kind: one of KINDS, or `resnet18`.

    Returns the share of validation pictures that it gets right in the end.

    Raises:
        TensorsError: the tensors could not be saved.
    """
    torch.manual_seed(settings.seed)
    size = task.training.images_u8_nchw.shape[-1]
    network = _network(kind, len(task.training.counts), size)
    own, known = network.state_dict(), _pretrained(kind, size)
    fitting = {name: weight for name, weight in known.items() if own[name].shape == weight.shape}
    network.load_state_dict({**own, **fitting})
    return _Training(task, settings, network, normalisation or Normalisation()).run(folder)


def _network(kind: str, classes: int, size: int) -> nn.Module:
    if kind in KINDS:
        return KINDS[kind](classes)
    spec = NetworkSpec(architecture=kind, classes=classes, image_size=size)
    return architectures.build(spec)


@functools.cache
def _pretrained(kind: str, size: int) -> dict[str, Tensor]:
    """Weights after a short training on the old digits."""
    settings = resolved(_PRETRAINING)
    torch.manual_seed(0)
    network = _network(kind, len(OLD), size)
    learned = task(OLD, [120] * len(OLD), size, seed=0)
    _Training(learned, settings, network, Normalisation()).run(None)
    return network.state_dict()


class _Training:
    """The loop of one training."""

    def __init__(
        self,
        task: Task,
        settings: Hyperparameters,
        network: nn.Module,
        normalisation: Normalisation,
    ) -> None:
        self._task, self._settings, self._network = task, settings, network
        self._rng = np.random.default_rng(settings.seed)
        machine = hardware.choose(settings)
        self._prepare = Input(machine, settings.precision, False, normalisation)
        self._freezer = Freezer(
            network, settings.architecture, settings.train, settings.unfreeze_every
        )

    def run(self, folder: Path | None) -> float:
        """All epochs; the share of validation pictures that is right in the end."""
        recorder = self._recorder(folder)
        counts = self._task.training.counts
        learner = Learner(
            self._network, self._settings, self._prepare, World(), counts, recorder=recorder
        )
        right = 0.0
        for epoch in range(1, self._settings.epochs + 1):
            self._freezer.apply(epoch)
            self._freezer.train_mode()
            for number, batch in enumerate(batches := list(self._batches())):
                learner.step(batch, len(batch.labels_b), epoch - 1 + number / len(batches))
            right = self._validate(recorder)
        recorder.close()
        if recorder.fault:
            raise TensorsError(recorder.fault)
        return right

    def _recorder(self, folder: Path | None) -> NoRecorder:
        watched = debug_settings.of(self._settings, {}, {})
        if folder is None or not watched.on:
            return NoRecorder()
        recorder = Recorder(watched, folder, None, ends=True)
        recorder.begin(self._network, 0, 0)
        return recorder

    def _batches(self) -> Iterator[Batch]:
        training = self._task.training
        number = len(training.labels_n)
        places = self._rng.permutation(number) if self._task.shuffled else np.arange(number)
        size = self._settings.batch_size or len(places)
        for at in range(0, len(places) - 1, size):  # a batch norm cannot learn of one picture
            part = training.part(places[at : at + size])
            images = self._shifted(part.images_u8_nchw)
            yield Batch(images, torch.from_numpy(part.labels_n), torch.arange(len(part.labels_n)))

    def _shifted(self, images_u8_bchw: Tensor) -> Tensor:
        if not self._task.shifted:
            return images_u8_bchw
        moves = self._rng.integers(-_SHIFT, _SHIFT + 1, (len(images_u8_bchw), 2)).tolist()
        moved = zip(images_u8_bchw, moves, strict=True)
        return torch.stack([image.roll(move, (1, 2)) for image, move in moved])

    def _validate(self, recorder: NoRecorder) -> float:
        labels_n = self._task.validation.labels_n
        indices_n = torch.arange(len(labels_n))
        whole = Batch(self._task.validation.images_u8_nchw, torch.from_numpy(labels_n), indices_n)
        with recorder.validating():
            said = predict(
                self._network,
                [whole],
                labels_n,
                prepare=self._prepare,
                world=World(),
                stop=StopSignal(),
            )
        assert said is not None
        scores = said.scores()
        recorder.validated(scores.loss, said.labels_n, said.logits_nk)
        return scores.top1
