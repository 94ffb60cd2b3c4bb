import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from imageclf.config import Hyperparameters, parse
from imageclf.data.checked import load_data
from imageclf.data.dataset import DataSet
from imageclf.errors import DataError
from tests.data.pictures import (
    PHOTOGRAPHS,
    encoded,
    gradient,
    make_folder,
    needs_photographs,
    png_header,
)


def settings(**values: str) -> Hyperparameters:
    return parse(values)


def per_class(data: DataSet, split: str) -> list[int]:
    return list(data.statistics()["images"][split].values())


def test_the_splits_of_folders_are_taken_as_given(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", {"001.Big_dog": 3, "002.cat": 2})
    make_folder(tmp_path / "valid", {"002.cat": 2, "001.Big_dog": 1}, seed=1)
    make_folder(tmp_path / "test", {"002.cat": 1}, seed=2)
    data = load_data(tmp_path, settings())
    assert data.classes == ("Big dog", "cat")
    assert data.folders == ("001.Big_dog", "002.cat")
    assert [(item.path.parent.name, item.label) for item in data.train] == [
        *[("001.Big_dog", 0)] * 3,
        *[("002.cat", 1)] * 2,
    ]
    assert per_class(data, "validation") == [1, 2]
    assert per_class(data, "test") == [0, 1]
    assert data.class_counts() == (3, 2)
    assert "as given" in data.split


def test_a_single_folder_is_split_by_seed_in_every_class(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a": 20, "b": 10, "c": 2})
    split = {"validation-split": "0.2", "test-split": "0.1"}
    data = load_data(tmp_path, settings(**split))
    assert per_class(data, "train") == [14, 7, 1]
    assert per_class(data, "validation") == [4, 2, 1]
    assert per_class(data, "test") == [2, 1, 0]
    paths = [item.path for part in (data.train, data.validation, data.test) for item in part]
    assert len(set(paths)) == len(paths) == 32
    assert load_data(tmp_path, settings(**split)) == data
    other = load_data(tmp_path, settings(**split, seed="1"))
    assert other.train != data.train
    assert other.fingerprint != data.fingerprint
    assert "seed 1" in other.split


def test_validation_is_split_off_where_only_train_and_test_are_given(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", {"a": 10, "b": 10})
    make_folder(tmp_path / "test", {"a": 3, "b": 3}, seed=1)
    data = load_data(tmp_path, settings(**{"test-split": "0.3"}))
    assert per_class(data, "train") == [8, 8]
    assert per_class(data, "validation") == [2, 2]
    assert per_class(data, "test") == [3, 3]


def test_a_data_fraction_thins_out_training_only(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a": 20, "b": 5})
    whole = load_data(tmp_path, settings())
    part = load_data(tmp_path, settings(**{"data-fraction": "0.25"}))
    assert per_class(part, "train") == [4, 1]
    assert part.validation == whole.validation
    assert set(part.train) < set(whole.train)


def test_the_fingerprint_is_of_contents_and_not_of_place_or_time(tmp_path: Path) -> None:
    make_folder(tmp_path / "one", {"a": 5, "b": 5})
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    os.utime(tmp_path / "two" / "a" / "0.png", (1, 1))
    first = load_data(tmp_path / "one", settings()).fingerprint
    assert load_data(tmp_path / "two", settings()).fingerprint == first
    shutil.copy(tmp_path / "one" / "a" / "0.png", tmp_path / "two" / "a" / "1.png")
    assert load_data(tmp_path / "two", settings()).fingerprint != first
    shutil.move(tmp_path / "one" / "a", tmp_path / "one" / "c")
    assert load_data(tmp_path / "one", settings()).fingerprint != first


BAD_FILES = {
    "cut.jpg": (encoded(gradient(), "JPEG")[:-200], "truncated"),
    "text.png": (b"not a picture", "not an image"),
    "empty.jpg": (b"", "empty"),
    "bomb.png": (png_header(60_000, 60_000), "too large"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported"),
}


def test_bad_files_are_left_out_and_listed_with_their_reasons(tmp_path: Path) -> None:
    make_folder(tmp_path / "data", {"train/a": 60, "train/b": 10, "valid/a": 1, "valid/b": 1})
    for name, (content, _) in BAD_FILES.items():
        (tmp_path / "data" / "train" / "b" / name).write_bytes(content)
    (tmp_path / "data" / "train" / "b" / "link.png").symlink_to("/etc/hostname")
    data = load_data(tmp_path / "data", settings())
    expected = {f"train/b/{name}": reason for name, (_, reason) in BAD_FILES.items()}
    expected["train/b/link.png"] = "outside"
    assert {item.file: item.reason for item in data.left_out} == expected
    assert all(item.detail.endswith(".") for item in data.left_out)
    assert per_class(data, "train") == [60, 10]
    log = "\n".join(data.summary_lines())
    assert "Left out 6 of" in log
    assert all(f"{file}: {reason}" in log for file, reason in expected.items())


def test_the_log_names_twenty_files_and_counts_the_rest(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a": 5, "b": 5})
    for number in range(25):
        (tmp_path / "a" / f"bad{number}.jpg").touch()
    data = load_data(tmp_path, settings(**{"max-bad-share": "1"}))
    lines = data.summary_lines()
    assert sum("bad" in line for line in lines) == 20
    assert lines[-1].strip() == "... and 5 more"
    assert len(data.statistics()["left_out"]) == 25


def test_the_statistics_are_json_and_complete(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "a" / "large.jpg").write_bytes(encoded(gradient(300, 100), "JPEG"))
    statistics = load_data(tmp_path, settings()).statistics()
    assert json.loads(json.dumps(statistics)) == statistics
    assert statistics["sizes"]["width"] == {"min": 16, "p50": 16, "max": 300}
    assert statistics["sizes"]["height"]["max"] == 100
    assert statistics["sizes"]["megapixels"]["max"] == 0.03
    assert statistics["formats"] == {"PNG": 8, "JPEG": 1}
    assert statistics["modes"] == {"RGB": 9}
    assert statistics["bytes"] == sum(path.stat().st_size for path in tmp_path.rglob("*.*"))
    assert statistics["classes"] == ["a", "b"]
    assert len(statistics["fingerprint"]) == 64


def test_copies_between_splits_and_classes_are_told(tmp_path: Path) -> None:
    make_folder(tmp_path / "train", {"a": 3, "b": 3})
    make_folder(tmp_path / "valid", {"a": 2, "b": 2}, seed=1)
    shutil.copy(tmp_path / "train" / "a" / "0.png", tmp_path / "valid" / "a" / "copy.png")
    shutil.copy(tmp_path / "train" / "a" / "1.png", tmp_path / "train" / "b" / "copy.png")
    warnings = load_data(tmp_path, settings()).warnings
    assert any("1 validation images are copies of training images" in text for text in warnings)
    assert any("1 images stand in more than one class" in text for text in warnings)


def test_what_lies_beside_the_classes_is_told(tmp_path: Path) -> None:
    make_folder(tmp_path, {"train/a": 3, "train/b": 3, "notes/x": 1})
    (tmp_path / "train" / "labels.csv").touch()
    text = " ".join(load_data(tmp_path, settings()).warnings)
    assert "train/labels.csv" in text
    assert "notes beside train" in text


def test_a_rare_blank_picture_is_told(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a": 10, "b": 10})
    blank = gradient(20, 20)
    blank.paste((250, 250, 250), (0, 0, 20, 19))
    blank.save(tmp_path / "a" / "not-found.gif")
    data = load_data(tmp_path, settings())
    assert any("a/not-found.gif" in text and "placeholder" in text for text in data.warnings)
    assert sum(per_class(data, "train") + per_class(data, "validation")) == 21


def one_class(root: Path) -> None:
    make_folder(root, {"a": 3})


def empty_class(root: Path) -> None:
    make_folder(root, {"a": 3, "b": 3, "c": 0})


def class_of_bad_files(root: Path) -> None:
    make_folder(root, {"a": 30, "b": 3, "c": 0})
    (root / "c" / "1.jpg").write_text("no picture")


def strange_class(root: Path) -> None:
    make_folder(root, {"train/a": 3, "train/b": 3, "valid/a": 1, "valid/wolf": 1})


def many_bad_files(root: Path) -> None:
    make_folder(root, {"a": 8, "b": 8})
    for name in ("x.jpg", "y.jpg"):
        (root / "a" / name).touch()


def empty_validation(root: Path) -> None:
    make_folder(root, {"train/a": 3, "train/b": 3, "valid/a": 0})


def one_picture_a_class(root: Path) -> None:
    make_folder(root, {"a": 1, "b": 1})


def nothing(root: Path) -> None:
    root.mkdir()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (one_class, "1 class folder(s) (a); two or more are needed"),
        (empty_class, "no usable image for c; add images"),
        (class_of_bad_files, "no usable image for c; add images"),
        (strange_class, "has classes that"),
        (strange_class, "lacks: wolf; add training images"),
        (many_bad_files, "2 of 18 files are unusable, more than max-bad-share 0.1 allows: a/x.jpg"),
        (empty_validation, "valid holds no usable image; add images or remove"),
        (one_picture_a_class, "none is left for validation"),
        (nothing, "is empty"),
    ],
)
def test_what_cannot_be_trained_on_stops_with_one_sentence(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    make(tmp_path / "data")
    with pytest.raises(DataError) as refusal:
        load_data(tmp_path / "data", settings())
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@needs_photographs
def test_real_photographs_are_all_read_and_the_placeholder_is_told() -> None:
    data = load_data(PHOTOGRAPHS, settings())
    assert (len(data.train), len(data.validation), len(data.test)) == (245, 153, 0)
    assert data.classes == ("ants", "bees")
    assert Counter(data.statistics()["formats"]) == {"JPEG": 397, "GIF": 1}
    assert any("imageNotFound.gif" in text for text in data.warnings)
