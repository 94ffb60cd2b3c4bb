"""Healthy fine-tunings of many kinds, to count what the standard set wrongly says of them.

Each number makes one training: network, size of the data, and hyperparameters are drawn from what
people sensibly choose.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bench.rules.case import Case
from bench.rules.finetuning import NEW, OLD, Task, fine_tune, resolved, task
from imageclf.config import Hyperparameters
from imageclf.debugger.rules import standard

_KINDS = {"residual": 0.4, "plain": 0.28, "smooth": 0.28, "resnet18": 0.04}
_SIZE = 32
_KNOWN = 0.4
"""Share of trainings that begin nearly perfect: on digits of the pretraining, in other colours."""

_LR = {"adamw": (5e-4, 4e-3), "sgd": (0.01, 0.05)}
_LARGER_NETWORK = 0.25
"""What a network of eleven million weights takes of such a learning rate."""


@dataclass(frozen=True)
class Healthy:
    """One training: its network, what it learns, and how."""

    kind: str
    task: Task
    settings: Hyperparameters

    def __str__(self) -> str:
        said = self.settings
        counts = "/".join(map(str, self.task.training.counts))
        return (
            f"{self.kind} {counts} {said.optimizer} lr={said.lr:.2g} epochs={said.epochs} "
            f"batch={said.batch_size} train={said.train} smoothing={said.label_smoothing} "
            f"mixup={said.mixup} {said.schedule} shifted={self.task.shifted} "
            f"interval={said.debug_interval}"
        )


def trainings(number: int) -> Iterator[Healthy]:
    """The first so many trainings."""
    return (_training(seed) for seed in range(number))


def cases(number: int) -> list[Case]:
    """The first so many trainings, judged by the standard set."""
    rules = standard.configurations()
    return [Case(f"{seed}", partial(_train, seed), rules) for seed in range(number)]


def _train(seed: int, folder: Path) -> None:
    made = _training(seed)
    fine_tune(made.task, made.settings, made.kind, folder)


def _training(seed: int) -> Healthy:
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(list(_KINDS), p=list(_KINDS.values())))
    classes = int(rng.integers(2, len(NEW) + 1))
    most = int(rng.integers(40, 100))
    counts = rng.integers(most // 3, most + 1, classes).tolist()
    known = OLD if rng.random() < _KNOWN else NEW
    made = task(known[:classes], counts, _SIZE, seed)
    shown = Task(made.training, made.validation, shifted=bool(rng.random() < 0.7))
    return Healthy(kind, shown, resolved(_settings(rng, kind, seed)))


def _settings(rng: np.random.Generator, kind: str, seed: int) -> dict[str, str]:
    optimizer = str(rng.choice(["adamw", "sgd"], p=[0.8, 0.2]))
    low, high = _LR[optimizer]
    lr = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    layers = str(rng.choice(["all", "head", "gradual"], p=[0.7, 0.2, 0.1]))
    return {
        "debug": "standard",
        "debug-interval": str(rng.choice([10, 10, 5, 1])),
        "seed": str(seed),
        "optimizer": optimizer,
        "lr": f"{lr * (_LARGER_NETWORK if kind == 'resnet18' else 1):.3g}",
        "epochs": str(rng.integers(2, 11)),
        "batch-size": str(rng.choice([16, 16, 32])),
        "train": "all" if optimizer == "sgd" and layers == "gradual" else layers,
        "label-smoothing": str(rng.choice([0.0, 0.0, 0.1])),
        "mixup": str(rng.choice([0.0, 0.0, 0.2])),
        "schedule": str(rng.choice(["cosine", "constant"], p=[0.8, 0.2])),
    }
