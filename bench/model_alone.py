"""The limit: our own training step on one batch that is there already, no files and no loader."""

import argparse
import json
import time

import torch

from imageclf.artifact import NetworkSpec, Normalisation
from imageclf.config import Hyperparameters, parse
from imageclf.data.loading import Batch
from imageclf.model import architecture, defaults
from imageclf.training import hardware
from imageclf.training.evaluation import Input
from imageclf.training.learner import Learner
from imageclf.training.processes import World

_WARM_UP_STEPS = 3


def main() -> None:
    """Step on random pictures and print the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    given = parse(
        {
            "architecture": options.architecture,
            "pretrained": "none",
            "image-size": options.image_size,
            "batch-size": options.batch_size,
            "optimizer": "sgd",
        }
    )
    print(json.dumps({"train:images_per_s": _rate(given, options.steps)}))


def _rate(given: Hyperparameters, steps: int) -> float:
    machine = hardware.choose(given)
    hardware.prepare(machine)
    settings = defaults.resolve(given, machine.machine)
    size, count = settings.image_size or 0, settings.batch_size or 0
    spec = NetworkSpec(architecture=settings.architecture, classes=2, image_size=size)
    network = architecture.build(spec).to(machine.device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    prepare = Input(machine, settings.precision, True, Normalisation())
    learner = Learner(network.train(), settings, prepare, World(), [1, 1])
    images = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8).permute(0, 3, 1, 2)
    batch = Batch(images, torch.randint(0, 2, (count,)), torch.arange(count))
    for _ in range(_WARM_UP_STEPS):
        learner.step(batch, count, 0.5)
    learner.loss()  # waits for the device
    began = time.monotonic()
    for _ in range(steps):
        learner.step(batch, count, 0.5)
    learner.loss()
    return steps * count / (time.monotonic() - began)


if __name__ == "__main__":
    main()
