"""Optimiser, learning rate and loss."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from imageclf.config import Hyperparameters

AUXILIARY_WEIGHT = 0.4
"""Share of each auxiliary head in the loss: Szegedy et al. 2015, as torchvision's recipe has it."""


def make_optimizer(network: nn.Module, settings: Hyperparameters) -> Optimizer:
    """The optimiser of all weights, frozen ones too (they have no gradient and stay).

    Weight decay is for matrices and kernels; norms and biases have none.
    """
    lr, decay = _known(settings.lr), _known(settings.weight_decay)
    groups = [
        {"params": list(_weights(network, matrices=True)), "weight_decay": decay},
        {"params": list(_weights(network, matrices=False)), "weight_decay": 0.0},
    ]
    if settings.optimizer == "sgd":
        momentum = settings.momentum
        # The fused one fails when a weight gets its first gradient after others had theirs.
        kind = "foreach" if settings.train == "gradual" else "fused"
        return SGD(groups, lr=lr, momentum=momentum, nesterov=momentum > 0, **{kind: True})
    if settings.optimizer == "rmsprop":
        return RMSprop(groups, lr=lr, momentum=settings.momentum, foreach=True)
    adam = AdamW if settings.optimizer == "adamw" else Adam
    return adam(groups, lr=lr, fused=True)


def learning_rate(settings: Hyperparameters, epochs_done: float) -> float:
    """The learning rate after `epochs_done` epochs: linear warm-up, then cosine or constant."""
    highest, warmup = _known(settings.lr), _known(settings.warmup)
    if epochs_done < warmup:
        return highest * min(1.0, max(epochs_done, 1e-3) / warmup)
    if settings.schedule == "constant":
        return highest
    share = (epochs_done - warmup) / max(1e-9, settings.epochs - warmup)
    return highest * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    """Set the learning rate of all weights."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def balanced_weights(counts: list[int]) -> Tensor:
    """Weight of each class [K], inverse to its frequency; their mean over the images is 1."""
    counts_k = torch.tensor(counts, dtype=torch.float32)
    return counts_k.sum() / (len(counts) * counts_k)


class Mixup:
    """Blends each picture with its neighbour in the batch (Zhang et al. 2018).

    The share is drawn from Beta(alpha, alpha), once a batch, by the global random state.
    """

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def __call__(self, images_bchw: Tensor) -> tuple[Tensor, float]:
        """The blended pictures and the share that each keeps of itself."""
        if not self._alpha or len(images_bchw) < 2:
            return images_bchw, 1.0
        beta = torch.distributions.Beta(self._alpha, self._alpha)
        share = float(beta.sample())
        return images_bchw.lerp(images_bchw.roll(1, 0), 1 - share), share


class Criterion:
    """Sum over a batch of the loss, auxiliary heads included."""

    def __init__(self, settings: Hyperparameters, class_weights: Tensor | None) -> None:
        self._smoothing = settings.label_smoothing
        self._class_weights = class_weights

    def __call__(
        self, main_bk: Tensor, auxiliary: tuple[Tensor, ...], labels_b: Tensor, share: float
    ) -> Tensor:
        """The loss, a scalar; `share` is what `Mixup` said."""
        loss = self._mixed(main_bk, labels_b, share)
        for logits_bk in auxiliary:
            loss = loss + AUXILIARY_WEIGHT * self._mixed(logits_bk, labels_b, share)
        return loss

    def _mixed(self, logits_bk: Tensor, labels_b: Tensor, share: float) -> Tensor:
        loss = share * self._one(logits_bk, labels_b)
        if share < 1:
            loss = loss + (1 - share) * self._one(logits_bk, labels_b.roll(1, 0))
        return loss

    def _one(self, logits_bk: Tensor, labels_b: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits_bk.float(),
            labels_b,
            weight=self._class_weights,
            label_smoothing=self._smoothing,
            reduction="sum",
        )


def _weights(network: nn.Module, *, matrices: bool) -> Iterator[nn.Parameter]:
    return (weight for weight in network.parameters() if (weight.ndim > 1) == matrices)


def _known(value: float | None) -> float:
    if value is None:
        raise ValueError("hyperparameters must be resolved before training")
    return value
