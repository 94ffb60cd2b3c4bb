"""What a profile says of its process: the price of the machine, and its part of a batch."""

import pytest

from imageclf import config
from imageclf.contract import Tree
from imageclf.training import profile_facts
from imageclf.training.processes import World
from tests.training import runs


@pytest.mark.parametrize(
    ("said", "price"),
    [("1.20", 1.2), ("0", 0.0), ("", None), ("a lot", None), ("nan", None), ("-1", None)],
)
def test_a_price_is_told_when_the_launcher_knows_it(
    said: str, price: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert profile_facts._price({"IMAGECLF_DOLLARS_AN_HOUR": said}) == price
    assert ("which is no price" in caplog.text) == (price is None and said != "")


def test_without_a_price_none_is_told() -> None:
    assert profile_facts._price({}) is None


@pytest.mark.parametrize(("size", "own"), [(1, 9), (2, 5), (4, 3)])
def test_a_process_sees_its_part_of_a_batch(size: int, own: int) -> None:
    settings = config.parse({"batch-size": "9"})
    assert profile_facts.own_batch(settings, World(size=size)) == own


def test_the_kind_of_instance_is_what_the_platform_says(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tree = Tree(tmp_path_factory.mktemp("ml"))
    tree.config.mkdir(parents=True)
    assert profile_facts._instance_type(tree) == ""
    runs.write_config(tree, "resourceconfig", {"current_instance_type": "ml.c5.large"})
    assert profile_facts._instance_type(tree) == "ml.c5.large"
