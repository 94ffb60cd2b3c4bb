from pathlib import Path

import pytest

from imageclf.data.layout import class_folders, display_names, find_layout, natural_key
from imageclf.errors import DataError
from tests.data.pictures import make_folder


def folders(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).mkdir(parents=True)
        (root / path / "1.jpg").touch()
    return root


def names(found: Path | None) -> str | None:
    return None if found is None else found.name


@pytest.mark.parametrize("validation", ["valid", "val", "validation", "Valid"])
def test_train_valid_and_test_folders_are_found(tmp_path: Path, validation: str) -> None:
    layout = find_layout(folders(tmp_path, "train/a", "train/b", f"{validation}/a", "test/a"))
    assert layout.train == tmp_path / "train"
    assert layout.validation == tmp_path / validation
    assert layout.test == tmp_path / "test"
    assert not layout.single


def test_a_single_folder_of_classes_is_found(tmp_path: Path) -> None:
    layout = find_layout(folders(tmp_path, "cats", "dogs"))
    assert layout.train == tmp_path
    assert layout.single


@pytest.mark.parametrize("above", ["training", "dogImages", "channel/dogImages", "train"])
def test_either_is_found_below_a_single_folder(tmp_path: Path, above: str) -> None:
    split = find_layout(folders(tmp_path / "s", f"{above}/train/a", f"{above}/valid/a"))
    assert split.train == tmp_path / "s" / above / "train"
    assert names(split.validation) == "valid"
    single = find_layout(folders(tmp_path / "c", f"{above}/cats", f"{above}/dogs"))
    assert single.train == tmp_path / "c" / above
    assert single.single


def test_a_channel_that_is_ignored_is_no_data(tmp_path: Path) -> None:
    layout = find_layout(folders(tmp_path, "training/a", "training/b", "pretrained"))
    assert layout.train == tmp_path / "training"
    assert layout.unused == ()


def test_folders_beside_the_splits_are_told(tmp_path: Path) -> None:
    layout = find_layout(folders(tmp_path, "train/a", "train/b", "notes"))
    assert layout.unused == (tmp_path / "notes",)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    layout = find_layout(folders(tmp_path, "car", "plane", "train"))
    assert layout.train == tmp_path
    assert layout.single


def test_a_single_class_is_not_taken_for_a_folder_of_classes(tmp_path: Path) -> None:
    assert find_layout(folders(tmp_path, "cats")).train == tmp_path


def test_hidden_folders_and_the_clutter_of_systems_are_not_seen(tmp_path: Path) -> None:
    folders(tmp_path, "data/a", "data/b", "data/.ipynb_checkpoints", "__MACOSX/data/a", ".cache")
    (tmp_path / "data" / "a" / ".DS_Store").touch()
    (tmp_path / "data" / "a" / "Thumbs.db").touch()
    layout = find_layout(tmp_path)
    assert layout.train == tmp_path / "data"
    found = class_folders(layout.train, [tmp_path])
    assert [(folder.name, len(folder.files)) for folder in found] == [("a", 1), ("b", 1)]


def test_classes_and_files_are_sorted_as_people_count(tmp_path: Path) -> None:
    folders(tmp_path, "10.b", "9.a", "2.c")
    for name in ("10.jpg", "9.jpg", "sub/3.jpg"):
        path = tmp_path / "2.c" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = class_folders(tmp_path, [tmp_path])
    assert [folder.name for folder in found] == ["2.c", "9.a", "10.b"]
    assert [path.name for path in found[0].files] == ["1.jpg", "9.jpg", "10.jpg", "3.jpg"]
    assert natural_key("a10") > natural_key("a9")


def test_links_that_lead_outside_are_told_and_not_followed(tmp_path: Path) -> None:
    outside = folders(tmp_path / "outside", "secret")
    data = folders(tmp_path / "data", "a", "b", "c")
    (data / "a" / "file.jpg").symlink_to(outside / "secret" / "1.jpg")
    (data / "a" / "folder").symlink_to(outside / "secret")
    (data / "b" / "kept.jpg").symlink_to(data / "a" / "1.jpg")
    (data / "b" / "round").symlink_to(data / "b")
    found = {folder.name: folder for folder in class_folders(data, [data])}
    assert [path.name for path in found["a"].files] == ["1.jpg"]
    assert [path.name for path in found["a"].outside] == ["file.jpg", "folder"]
    assert [path.name for path in found["b"].files] == ["1.jpg", "kept.jpg"]
    assert found["b"].outside == []


def test_a_channel_that_is_a_link_is_followed(tmp_path: Path) -> None:
    make_folder(tmp_path / "elsewhere", {"a": 1, "b": 1})
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "train").symlink_to(tmp_path / "elsewhere")
    layout = find_layout(tmp_path / "input")
    found = class_folders(layout.train, [tmp_path / "input", layout.train])
    assert [len(folder.files) for folder in found] == [1, 1]


def test_class_names_are_shown_without_number_and_underscores() -> None:
    assert display_names(["005.Alaskan_malamute", "ants", "7"]) == ("Alaskan malamute", "ants", "7")
    assert display_names(["1.x", "2.x", "3.y"]) == ("1.x", "2.x", "y")
    assert display_names(["a_b", "a b"]) == ("a_b", "a b")
    assert display_names(["001.", "_"]) == ("001.", "_")
    assert display_names(["1.2.x", "2.x", "3.x"]) == ("1.2.x", "2.x", "3.x")


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ([], "is empty"),
        (["valid/a", "test/a"], "no train folder"),
        (["train/a", "val/a", "valid/a"], "val and valid, both for validation"),
    ],
)
def test_what_is_no_data_folder_is_refused_in_a_sentence(
    tmp_path: Path, made: list[str], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        find_layout(folders(tmp_path, *made))


def test_a_missing_folder_and_one_of_loose_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        find_layout(tmp_path / "missing")
    (tmp_path / "1.jpg").touch()
    with pytest.raises(DataError, match="holds files but no class folders"):
        find_layout(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        find_layout(tmp_path / "1.jpg")
