"""Measures, before the first step, what the machine can do and what the network asks of it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn

from imageclf import artifact
from imageclf.config import Hyperparameters
from imageclf.model.layers import Freezer
from imageclf.profiler import names
from imageclf.profiler.collect import probe
from imageclf.training import profile_facts
from imageclf.training.account import Plan
from imageclf.training.processes import World

log = logging.getLogger(__name__)


def measure(folder: Path, plan: Plan, network: nn.Module, world: World, epoch: int) -> str:
    """Write `machine.json` into the profile `folder`.

    Args:
        network: as it will be trained from `epoch` on; it is left as it was.

    Returns:
        Why it was not measured, one sentence; empty when it was.
    """
    settings = plan.settings
    try:
        with _frozen_as_in(epoch, network, settings):
            found = probe.measure(
                network,
                device=plan.hardware.device,
                precision=settings.precision,
                batch_size=profile_facts.own_batch(settings, world),
                image_size=settings.image_size or 1,
                channels_last=bool(settings.channels_last),
            )
        artifact.write_json(folder / names.MACHINE, found)
    except (RuntimeError, OSError) as error:
        log.warning("the machine was not measured: %s", error)
        return f"What the machine can do was not measured: {error}."
    return ""


@contextmanager
def _frozen_as_in(epoch: int, network: nn.Module, settings: Hyperparameters) -> Iterator[None]:
    """Inside, those weights learn that will in `epoch`."""
    learned = [weight.requires_grad for weight in network.parameters()]
    freezer = Freezer(network, settings.architecture, settings.train, settings.unfreeze_every)
    try:
        freezer.apply(epoch)
        yield
    finally:
        for weight, learns in zip(network.parameters(), learned, strict=True):
            weight.requires_grad_(learns)
