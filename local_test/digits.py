"""Real handwritten digits as image files: the data of a run that was given none.

scikit-learn brings 1,797 of them, 8 x 8 pixels in 17 greys (E. Alpaydin and C. Kaynak, Optical
Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998). `write` sorts them into
`train/`, `valid/` and `test/` with a folder for each digit.
"""

from pathlib import Path

import numpy as np
from PIL import Image

SHARES = {"train": 0.7, "valid": 0.15, "test": 0.15}
SEED = 0

HYPERPARAMETERS = {
    "architecture": "resnet18",
    "pretrained": "none",
    "image-size": "32",
    "crop-share": "1.0",
    "augment": "none",
    "batch-size": "64",
    "epochs": "10",
    "lr": "0.002",
}
"""What learns the digits within three minutes on two cores; a mirrored digit is another sign."""

_BRIGHTEST = 16


def write(folder: Path) -> None:
    """Write all digits below `folder`, always the same ones into the same split."""
    from sklearn.datasets import load_digits  # noqa: PLC0415  (takes two seconds)

    digits = load_digits()
    pixels_nhw = np.rint(digits.images * (255 / _BRIGHTEST)).astype(np.uint8)
    for split, indices in _split(digits.target).items():
        for index in indices:
            target = folder / split / str(digits.target[index]) / f"{index:04d}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels_nhw[index]).save(target)


def _split(labels_n: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> dict[str, list[int]]:
    """Indices of each split, every digit in each by `SHARES`."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415

    held_out = SHARES["valid"] + SHARES["test"]
    train, rest = train_test_split(
        np.arange(len(labels_n)), test_size=held_out, stratify=labels_n, random_state=SEED
    )
    valid, test = train_test_split(
        rest, test_size=SHARES["test"] / held_out, stratify=labels_n[rest], random_state=SEED
    )
    return {"train": sorted(train), "valid": sorted(valid), "test": sorted(test)}
