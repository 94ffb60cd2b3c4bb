import json
from pathlib import Path
from typing import Any

import pytest

from imageclf.contract import Resources, Tree, write_failure
from imageclf.errors import SettingsError


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "input" / "config").mkdir(parents=True)
    return Tree(tmp_path)


def write(tree: Tree, name: str, content: Any) -> None:
    (tree.config / f"{name}.json").write_text(json.dumps(content))


def test_the_tree_is_where_sagemaker_puts_it_unless_the_environment_moves_it() -> None:
    assert Tree.from_environment({}).failure == Path("/opt/ml/output/failure")
    moved = Tree.from_environment({"SAGEMAKER_BASE_DIR": "/somewhere"})
    assert moved.channel("train") == Path("/somewhere/input/data/train")
    assert moved.output_data == Path("/somewhere/output/data")


def test_channels_are_the_folders_of_the_data(tree: Tree) -> None:
    assert tree.channels() == []
    for name in ("valid", "train"):
        tree.channel(name).mkdir(parents=True)
    (tree.data / "train-manifest").write_text("{}")
    assert tree.channels() == ["train", "valid"]


def test_an_absent_configuration_is_empty(tree: Tree) -> None:
    assert tree.read_config("hyperparameters") == {}


def test_a_configuration_is_read_as_it_stands(tree: Tree) -> None:
    write(tree, "hyperparameters", {"epochs": "3"})
    assert tree.read_config("hyperparameters") == {"epochs": "3"}


@pytest.mark.parametrize(
    "content",
    [b"", b'{"epochs": "3"', b"\xff\xfe\x00\x01", b"\x80\x81", b"[" * 100_000],
    ids=["empty", "cut off", "no text", "not utf-8", "nested without end"],
)
def test_a_broken_configuration_is_named_in_one_sentence(tree: Tree, content: bytes) -> None:
    (tree.config / "hyperparameters.json").write_bytes(content)
    with pytest.raises(SettingsError, match=r"hyperparameters\.json is not valid JSON \(.*\); co"):
        tree.read_config("hyperparameters")


def test_a_configuration_that_is_no_object_is_refused(tree: Tree) -> None:
    write(tree, "hyperparameters", ["epochs", "3"])
    with pytest.raises(SettingsError, match="must hold a JSON object, not list"):
        tree.read_config("hyperparameters")


def test_a_folder_in_place_of_a_configuration_is_refused(tree: Tree) -> None:
    (tree.config / "hyperparameters.json").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        tree.read_config("hyperparameters")


def test_a_job_without_resources_runs_alone(tree: Tree) -> None:
    resources = Resources.from_tree(tree)
    assert resources.hosts == ("localhost",)
    assert resources.is_leader


def test_the_first_host_by_name_leads_in_whatever_order_they_are_listed(tree: Tree) -> None:
    leaders = []
    for host in ("algo-1", "algo-2"):
        write(tree, "resourceconfig", {"current_host": host, "hosts": ["algo-2", "algo-1"]})
        leaders.append(Resources.from_tree(tree).is_leader)
    assert leaders == [True, False]


@pytest.mark.parametrize(
    ("hosts", "sentence"),
    [
        (["algo-2"], r"names current_host 'algo-1', which is not in hosts \['algo-2'\]"),
        ([], "not in hosts"),
        ("algo-1", "must name its hosts in a list"),
        (None, "must name its hosts in a list"),
        ([1], "must name its hosts in a list"),
    ],
)
def test_hosts_that_make_no_sense_are_refused(tree: Tree, hosts: Any, sentence: str) -> None:
    write(tree, "resourceconfig", {"current_host": "algo-1", "hosts": hosts})
    with pytest.raises(SettingsError, match=sentence):
        Resources.from_tree(tree)


def test_the_first_reason_of_a_failure_stays(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "not yet there")
    write_failure(tree, "The data is bad.")
    write_failure(tree, "Something that came of it.")
    assert tree.failure.read_text() == "The data is bad."


def test_a_failure_holds_what_sagemaker_shows(tree: Tree) -> None:
    write_failure(tree, "é" * 5000)
    assert tree.failure.read_text(encoding="utf-8") == "é" * 1024


def test_a_failure_can_name_a_file_whose_name_is_not_text(tree: Tree) -> None:
    name = b"caf\xe9.jpg".decode(errors="surrogateescape")
    write_failure(tree, f"No picture: {name}")
    assert tree.failure.read_text() == r"No picture: caf\udce9.jpg"


def test_a_path_that_the_platform_names_moves_with_the_root(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    assert tree.place("/opt/ml/output/tensors") == tree.tensors
    assert tree.place("/mnt/tensors") == Path("/mnt/tensors")
    assert tree.place("/opt/ml/../../etc") == Path("/opt/ml/../../etc"), "nothing to do with it"
    assert Tree().place("/opt/ml/output") == Path("/opt/ml/output")
