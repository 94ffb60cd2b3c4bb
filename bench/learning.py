"""Learning steps on pictures that are there already: what benches of the step itself share."""

import argparse
from collections.abc import Callable

import torch
from torch import nn

from imageclf.artifact import NetworkSpec, Normalisation
from imageclf.config import Hyperparameters, parse
from imageclf.data.loading import Batch
from imageclf.debugger.hook.recorder import NoRecorder
from imageclf.model import architecture, defaults
from imageclf.profiler.collect.clock import NO_CLOCK, NoClock
from imageclf.training import hardware
from imageclf.training.evaluation import Input
from imageclf.training.learner import Learner
from imageclf.training.processes import World


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is trained: network, size of the pictures, batch."""
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)


def settings(options: argparse.Namespace) -> Hyperparameters:
    """The hyperparameters that the options of `add_options` ask for, none left to choose."""
    given = parse(
        {
            "architecture": options.architecture,
            "pretrained": "none",
            "image-size": options.image_size,
            "batch-size": options.batch_size,
            "optimizer": "sgd",
        }
    )
    return defaults.resolve(given, hardware.choose(given).machine)


def learner(
    chosen: Hyperparameters,
    recorder_of: Callable[[nn.Module], NoRecorder] = lambda _: NoRecorder(),
    clock: NoClock = NO_CLOCK,
) -> Learner:
    """A learner of all weights of a fresh network with two classes."""
    machine = hardware.choose(chosen)
    hardware.prepare(machine)
    size = chosen.image_size or 1
    spec = NetworkSpec(architecture=chosen.architecture, classes=2, image_size=size)
    network = architecture.build(spec).to(machine.device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    prepare = Input(machine, chosen.precision, True, Normalisation())
    recorder = recorder_of(network)
    return Learner(
        network.train(), chosen, prepare, World(), [1, 1], recorder=recorder, clock=clock
    )


def pictures(chosen: Hyperparameters, count: int) -> Batch:
    """`count` random pictures with random labels."""
    size = chosen.image_size or 1
    images_u8_bhwc = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8)
    labels_b = torch.randint(0, 2, (count,))
    return Batch(images_u8_bhwc.permute(0, 3, 1, 2), labels_b, torch.arange(count))
