"""Predictions of a network for a whole split."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from imageclf.artifact import Normalisation
from imageclf.data.loading import Batch
from imageclf.data.transforms import normalise
from imageclf.model import scores
from imageclf.profiler import names
from imageclf.profiler.collect.clock import NO_CLOCK, NoClock
from imageclf.training.hardware import Hardware, compute_dtype
from imageclf.training.processes import World
from imageclf.training.stop import StopSignal


@dataclass(frozen=True)
class Predictions:
    """What a network said of every image of a split, in the order of the split."""

    logits_nk: npt.NDArray[np.float32]
    labels_n: npt.NDArray[np.int64]

    def scores(self) -> scores.Scores:
        """Loss, accuracy and F1 of these predictions."""
        return scores.score(self.logits_nk, self.labels_n)


@dataclass(frozen=True)
class Input:
    """How a batch of pictures becomes what the network takes."""

    hardware: Hardware
    precision: str
    channels_last: bool
    normalisation: Normalisation

    def __call__(self, images_u8_bchw: Tensor) -> Tensor:
        """uint8 pictures [B, 3, S, S] to normalised ones on the device."""
        images = images_u8_bchw.to(self.hardware.device, non_blocking=True)
        mean, std = self.normalisation.mean, self.normalisation.std
        return normalise(images, mean, std, compute_dtype(self.precision), self.channels_last)

    def autocast(self) -> torch.autocast:
        """The context in which layers compute in `precision`."""
        return torch.autocast(
            self.hardware.device.type,
            dtype=compute_dtype(self.precision),
            enabled=self.precision != "fp32",
        )


def predict(
    network: nn.Module,
    batches: Iterable[Batch],
    labels_n: npt.NDArray[np.int64],
    *,
    prepare: Input,
    world: World,
    stop: StopSignal,
    clock: NoClock = NO_CLOCK,
) -> Predictions | None:
    """The logits of all images of a split; each process brings its `batches` of them.

    None when a stop signal came to any of the processes meanwhile.
    """
    network.eval()
    world.share_buffers(network)
    logits_parts, places = [np.empty((0, 0), np.float32)], [np.empty(0, np.int64)]
    for batch in clock.waiting(batches):
        if stop.requested:
            break
        with torch.inference_mode(), prepare.autocast():
            clock.enter(names.COPY)
            images_bchw = prepare(batch.images_u8_bchw)
            clock.enter(names.FORWARD)
            logits_bk = network(images_bchw)
        logits_parts.append(logits_bk.float().cpu().numpy())
        places.append(batch.indices_b.numpy())
        clock.step_ends(len(batch.indices_b))
    if any(world.agree(stop.requested)):
        return None
    classes = max(part.shape[1] for part in logits_parts)
    mine = np.concatenate([part.reshape(-1, classes) for part in logits_parts])
    gathered = world.gather_rows(mine, np.concatenate(places), len(labels_n))
    return Predictions(gathered, labels_n)
