"""A training with `train=head` that follows the advice to keep the features of the first epoch.

    SAGEMAKER_BASE_DIR=FOLDER python -m bench.profile.advice_features

The program of the image in one process, but for where the batches come from: in the first epoch
pictures are read and go through the frozen network, and what comes to its head is kept; from the
second on the head alone learns from that, in the order in which the pictures would have come.
Validation, checkpoints and all else are as they are. Only networks whose head is their last layer.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import cast
from unittest import mock

import torch
from torch import Tensor, nn

from imageclf.data.loading import Batch
from imageclf.data.sampling import epoch_batches
from imageclf.model import architecture as architectures
from imageclf.training import program, trainer
from imageclf.training.account import Plan
from imageclf.training.evaluation import Input
from imageclf.training.feed import Feed, labels
from imageclf.training.job import Job
from imageclf.training.trainer import Trainer
from imageclf.training.watch import Watch


class KeptFeatures:
    """What came to the head of `network` for each picture; batches of it in its own place."""

    def __init__(self, network: nn.Module, head: str) -> None:
        self._network, self._head = network, network.get_submodule(head)
        self._features_nd = torch.empty(0)

    def keep(self, batches: Iterable[Batch], images: int) -> Iterator[Batch]:
        """`batches` of pictures, of `images` in all; what each makes of them is kept."""
        caught: list[Tensor] = []
        hook = self._head.register_forward_pre_hook(
            lambda _, inputs: caught.append(inputs[0].detach())
        )
        try:
            for batch in batches:
                yield batch
                features_bd = caught.pop()
                if not len(self._features_nd):
                    self._features_nd = features_bd.new_empty((images, *features_bd.shape[1:]))
                self._features_nd[batch.indices_b] = features_bd
        finally:
            hook.remove()

    def give(self, batches: Iterable[Sequence[int]], labels_n: Tensor) -> Iterator[Batch]:
        """Features of these pictures, not their pixels; meanwhile the head is the network."""
        vars(self._network)["forward"] = self._head.forward
        try:
            for indices in batches:
                indices_b = torch.tensor(indices)
                yield Batch(self._features_nd[indices_b], labels_n[indices_b], indices_b)
        finally:
            del vars(self._network)["forward"]


class FeaturesAsTheyAre(Input):
    """Prepares pictures as usual; features are prepared already."""

    def __call__(self, images_u8_bchw: Tensor) -> Tensor:
        """As `Input` has it; features are of another kind than bytes."""
        is_picture = images_u8_bchw.dtype == torch.uint8
        return super().__call__(images_u8_bchw) if is_picture else images_u8_bchw


class KeptFeed:
    """`feed`, which reads its pictures in the first epoch only."""

    def __init__(self, feed: trainer.Feed, kept: KeptFeatures, plan: Plan) -> None:
        self._feed, self._kept = feed, kept
        self._settings = plan.settings
        self._labels_n = torch.from_numpy(labels(plan.data.train))
        self.global_sizes = feed.global_sizes
        self.validation_labels_n = feed.validation_labels_n

    def training(self, epoch: int, first_batch: int) -> Iterable[Batch]:
        """Pictures in the first epoch, then features in the order of their pictures."""
        images = len(self._labels_n)
        if epoch == 1:
            return self._kept.keep(self._feed.training(epoch, first_batch), images)
        size, seed = self._settings.batch_size or 1, self._settings.seed
        batches = epoch_batches(images, size, seed=seed, epoch=epoch, rank=0, world_size=1)
        return self._kept.give(batches[first_batch:], self._labels_n)

    def validation(self) -> Iterable[Batch]:
        """Pictures, in each epoch."""
        return self._feed.validation()


class KeepingJob(Job):
    """A job whose trainer sees each picture once."""

    def _trainer(self, plan: Plan, network: nn.Module, feed: Feed, watch: Watch) -> Trainer:
        kept = KeptFeatures(network, architectures.head_name(plan.settings.architecture))
        as_they_are = mock.patch("imageclf.training.job.Input", FeaturesAsTheyAre)
        with as_they_are:
            return super()._trainer(plan, network, cast(Feed, KeptFeed(feed, kept, plan)), watch)


if __name__ == "__main__":
    with mock.patch.object(program, "Job", KeepingJob):
        sys.exit(program.main())
