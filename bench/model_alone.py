"""The limit: our own training steps on pictures that are there already, no files, no loader."""

import argparse
import json
import time

from bench import learning
from imageclf.data.loading import Batch
from imageclf.data.sampling import global_batch_sizes
from imageclf.training.learner import Learner


def main() -> None:
    """Step on random pictures and print the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    learning.add_options(parser)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=245, help="images an epoch")
    options = parser.parse_args()
    settings = learning.settings(options)
    learner = learning.learner(settings)
    count = options.batch_size
    batches = _batches(learning.pictures(settings, 2 * count), options.images, count)
    for epoch in range(options.epochs):
        rate = _rate(learner, batches)
        print(json.dumps({"epoch": epoch + 1, "train:images_per_s": rate}), flush=True)


def _batches(largest: Batch, images: int, count: int) -> list[Batch]:
    """An epoch of batches of the sizes that training would have."""
    return [
        Batch(largest.images_u8_bchw[:n], largest.labels_b[:n], largest.indices_b[:n])
        for n in global_batch_sizes(images, count)
    ]


def _rate(learner: Learner, batches: list[Batch]) -> float:
    began = time.monotonic()
    for batch in batches:
        learner.step(batch, len(batch.labels_b), 0.5)
    learner.loss()  # waits for the device
    return sum(len(batch.labels_b) for batch in batches) / (time.monotonic() - began)


if __name__ == "__main__":
    main()
