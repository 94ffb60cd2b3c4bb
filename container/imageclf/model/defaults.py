"""The values of hyperparameters left on `auto`, once architecture and machine are known.

Learning rates follow common practice: AdamW fine-tunes at 1e-4 to 3e-4 and starts from scratch at
1e-3 (Loshchilov and Hutter 2019; torchvision's recipes for transformers); SGD with momentum at
0.01 and 0.05.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

from imageclf.config import Hyperparameters
from imageclf.model import architecture as architectures
from imageclf.model.pretrained import NONE

_LR = {  # optimizer: (fresh head on a frozen backbone, fine-tuning, from scratch)
    "adamw": (1e-3, 2e-4, 1e-3),
    "adam": (1e-3, 2e-4, 1e-3),
    "rmsprop": (1e-3, 1e-4, 5e-4),
    "sgd": (0.05, 0.01, 0.05),
}
_WEIGHT_DECAY = {"adamw": 0.02, "adam": 0.0, "rmsprop": 0.0, "sgd": 1e-4}
_SMALL_SIDE = 96

T = TypeVar("T")


@dataclass(frozen=True)
class Machine:
    """What of the machine decides a default."""

    accelerator: bool
    bf16: bool
    fp16: bool = False


def resolve(given: Hyperparameters, machine: Machine) -> Hyperparameters:
    """`given` with every `auto` of the learning and the arithmetic replaced by a value.

    `processes` and `workers` stay: they belong to where a job runs, not to what it learns.
    """
    size = given.image_size or architectures.default_image_size(given.architecture)
    chosen: dict[str, Any] = {
        "image_size": size,
        "batch_size": given.batch_size or _batch_size(size, machine),
        "lr": given.lr or _learning_rate(given),
        "weight_decay": _or(given.weight_decay, _WEIGHT_DECAY[given.optimizer]),
        "warmup": _or(given.warmup, min(1.0, 0.1 * given.epochs)),
        "batch_norm": "local" if given.batch_norm == "auto" else given.batch_norm,
        "precision": _precision(machine) if given.precision == "auto" else given.precision,
        "channels_last": _or(given.channels_last, True),
    }
    return given.model_copy(update=chosen)


def _or(value: T | None, default: T) -> T:
    return default if value is None else value


def _learning_rate(given: Hyperparameters) -> float:
    head, fine_tuning, scratch = _LR[given.optimizer]
    if given.train == "head":
        return head
    return scratch if given.pretrained == NONE else fine_tuning


def _batch_size(size: int, machine: Machine) -> int:
    if machine.accelerator:
        return 64
    return 64 if size <= _SMALL_SIDE else 32


def _precision(machine: Machine) -> str:
    if machine.bf16:
        return "bf16"
    return "fp16" if machine.fp16 else "fp32"
