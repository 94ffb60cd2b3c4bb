"""The limit: our own training steps on pictures that are there already, no files, no loader."""

import argparse
import json
import time

import torch

from imageclf.artifact import NetworkSpec, Normalisation
from imageclf.config import Hyperparameters, parse
from imageclf.data.loading import Batch
from imageclf.data.sampling import global_batch_sizes
from imageclf.model import architecture, defaults
from imageclf.training import hardware
from imageclf.training.evaluation import Input
from imageclf.training.learner import Learner
from imageclf.training.processes import World


def main() -> None:
    """Step on random pictures and print the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", default="resnet50")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=245, help="images an epoch")
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
    learner, batches = _prepared(given, options.images)
    for epoch in range(options.epochs):
        rate = _rate(learner, batches)
        print(json.dumps({"epoch": epoch + 1, "train:images_per_s": rate}), flush=True)


def _prepared(given: Hyperparameters, images: int) -> tuple[Learner, list[Batch]]:
    """A learner, and an epoch of batches of the sizes that training would have."""
    machine = hardware.choose(given)
    hardware.prepare(machine)
    settings = defaults.resolve(given, machine.machine)
    size, count = settings.image_size or 0, settings.batch_size or 0
    spec = NetworkSpec(architecture=settings.architecture, classes=2, image_size=size)
    network = architecture.build(spec).to(machine.device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    prepare = Input(machine, settings.precision, True, Normalisation())
    learner = Learner(network.train(), settings, prepare, World(), [1, 1])
    largest = torch.randint(0, 256, (2 * count, size, size, 3), dtype=torch.uint8)
    labels = torch.randint(0, 2, (2 * count,))
    sizes = global_batch_sizes(images, count)
    pictures = largest.permute(0, 3, 1, 2)
    batches = [Batch(pictures[:n], labels[:n], torch.arange(n)) for n in sizes]
    return learner, batches


def _rate(learner: Learner, batches: list[Batch]) -> float:
    began = time.monotonic()
    for batch in batches:
        learner.step(batch, len(batch.labels_b), 0.5)
    learner.loss()  # waits for the device
    return sum(len(batch.labels_b) for batch in batches) / (time.monotonic() - began)


if __name__ == "__main__":
    main()
