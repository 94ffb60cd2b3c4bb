from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from imageclf import config
from local_test import digits


def counts(folder: Path) -> dict[str, Counter[str]]:
    return {
        split: Counter(path.parent.name for path in (folder / split).rglob("*.png"))
        for split in ("train", "valid", "test")
    }


def test_every_digit_lies_once_in_one_split_in_the_same_share(tmp_path: Path) -> None:
    digits.write(tmp_path)
    found = counts(tmp_path)
    names = [path.name for path in tmp_path.rglob("*.png")]
    assert len(names) == len(set(names)) == 1797
    for digit, total in sum(found.values(), Counter()).items():
        for split, share in digits.SHARES.items():
            assert abs(found[split][digit] - share * total) < 2


def test_a_file_shows_the_digit_it_was_made_of(tmp_path: Path) -> None:
    digits.write(tmp_path)
    data = load_digits()
    for path in list(tmp_path.rglob("*.png"))[::100]:
        index = int(path.stem)
        pixels = np.asarray(Image.open(path))
        assert path.parent.name == str(data.target[index])
        assert np.abs(pixels / 255 * 16 - data.images[index]).max() < 0.05


def test_the_same_files_come_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        digits.write(tmp_path / name)
    one, two = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*.png")
        }
        for name in ("one", "two")
    )
    assert one == two


def test_the_hyperparameters_are_ones_that_training_takes() -> None:
    assert config.parse(digits.HYPERPARAMETERS).architecture == "resnet18"
