"""Fine-tunings that are ill in their data, their length or their learning rate, and healthy twins.

The standard set judges them, and Confusion with bounds that a learner of five digits can keep.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.rules.case import Case
from bench.rules.finetuning import NEW, Task, fine_tune, resolved, task
from bench.rules.small import KINDS
from imageclf.artifact import Normalisation
from imageclf.debugger.hook import settings as debug_settings

SIZE = 16
RULES = "standard,confusion(min_diag=0.5;max_off_diag=0.5)"

_NOTHING = Normalisation(mean=(0, 0, 0), std=(1 / 255, 1 / 255, 1 / 255))
"""Leaves pictures as they are: 0 to 255."""


@dataclass(frozen=True)
class Tuning:
    """One fine-tuning: what it learns and how."""

    kind: str
    task: Callable[[], Task]
    given: Mapping[str, str]
    normalisation: Normalisation | None = None

    def run(self, folder: Path, seed: int = 1) -> None:
        """Train, and save below `folder`."""
        usual = {"debug": RULES, "debug-interval": "2", "seed": str(seed)}
        settings = resolved({**usual, **self.given})
        fine_tune(self.task(), settings, self.kind, folder, self.normalisation)


def balanced(seed: int = 1) -> Task:
    """Five digits, forty pictures of each."""
    return task(NEW, [40] * 5, SIZE, seed)


def always_alike() -> Task:
    """The same, without what augmentation does."""
    return replace(balanced(), shifted=False)


def tiny() -> Task:
    """Five digits, three pictures of each, always seen alike."""
    return replace(task(NEW, [3] * 5, SIZE, 1), shifted=False)


def uneven() -> Task:
    """A hundred and sixty pictures of one digit and six of another."""
    return task(NEW[:2], [160, 6], SIZE, 1)


def in_order() -> Task:
    """One digit after the other, many pictures of each, never mixed."""
    made = task(NEW[:3], [120] * 3, SIZE, 1)
    order = np.repeat(np.argsort(made.training.labels_n, kind="stable"), 5)
    return replace(made, training=made.training.part(order), shuffled=False)


SICK: Mapping[str, tuple[str, Tuning]] = {
    "a learning rate of 1e-9": (
        "LossNotDecreasing",
        Tuning("smooth", balanced, {"lr": "1e-9", "epochs": "6"}),
    ),
    "a learning rate of 1e-9 beside batch norm": (
        "Overtraining",  # the loss still moves, as the statistics of the norms settle
        Tuning("residual", balanced, {"lr": "1e-9", "epochs": "16"}),
    ),
    "a learning rate of 0.1": (
        "DeadRelu",
        Tuning("plain", balanced, {"lr": "0.1", "epochs": "6"}),
    ),
    "fifteen pictures seen forty times": (
        "Overfit",
        Tuning("smooth", tiny, {"lr": "0.003", "epochs": "40", "schedule": "constant"}),
    ),
    "twenty-five epochs where ten are enough": (
        "Overtraining",
        Tuning("smooth", always_alike, {"lr": "0.01", "epochs": "25", "schedule": "constant"}),
    ),
    "twenty-five times as many pictures of one class": (
        "ClassImbalance",
        Tuning("smooth", uneven, {"lr": "0.002", "epochs": "5", "debug-interval": "1"}),
    ),
    "one class after the other": (
        "ClassImbalance Confusion",
        Tuning("smooth", in_order, {"lr": "0.002", "epochs": "1", "debug-interval": "1"}),
    ),
    "pictures that are not normalised": (
        "CheckInputImages",
        Tuning("smooth", balanced, {"lr": "0.002", "epochs": "2"}, _NOTHING),
    ),
}
"""Each ailment with the rules that must find it."""

HEALTHY: Mapping[str, Tuning] = {
    f"five digits, {kind}": Tuning(kind, balanced, {"lr": "0.003", "epochs": "8"}) for kind in KINDS
}


def cases(seed: int = 1) -> tuple[Case, ...]:
    """All of them, with `seed` for the weights and the order of the pictures."""
    rules = debug_settings.of(resolved({"debug": RULES}), {}, {}).rules
    sick = (
        Case(name, partial(tuning.run, seed=seed), rules, frozenset(expects.split()))
        for name, (expects, tuning) in SICK.items()
    )
    healthy = (
        Case(name, partial(tuning.run, seed=seed), rules) for name, tuning in HEALTHY.items()
    )
    return (*sick, *healthy)
