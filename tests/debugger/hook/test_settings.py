"""Who asks for what, and the union of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imageclf import config
from imageclf.contract import Tree
from imageclf.debugger.hook import settings
from imageclf.debugger.hook.settings import Collection, DebugSettings
from imageclf.debugger.rules.catalogue import needs_of
from imageclf.errors import SettingsError


def of(
    hook: dict[str, Any] | None = None, board: dict[str, Any] | None = None, **given: str
) -> DebugSettings:
    return settings.of(config.parse(given), hook or {}, board or {})


def configured(name: str, **parameters: str) -> dict[str, Any]:
    one = {"CollectionName": name, "CollectionParameters": parameters}
    return {"CollectionConfigurations": [one]}


def collections(found: DebugSettings) -> dict[str, Collection]:
    return {one.name: one for one in found.collections}


def test_it_is_off_unless_somebody_asks() -> None:
    assert not of().on
    assert not of(debug="off").on
    assert not of({"LocalPath": "/opt/ml/output/tensors", "CollectionConfigurations": []}).on


def test_a_rule_brings_what_it_reads_and_nothing_else() -> None:
    found = of(debug="vanishing_gradient(threshold=1e-6)")
    assert [rule.name for rule in found.rules] == ["VanishingGradient"]
    assert found.rules[0].parameters == {"threshold": "1e-6"}
    assert found.saved() == {
        "gradients": needs_of(found.rules[0])["gradients"],
        "losses": frozenset({"raw"}),
    }


def test_the_standard_set_is_one_word() -> None:
    names = {rule.rule for rule in of(debug="standard").rules}
    assert {"VanishingGradient", "Overfit", "LossNotDecreasing", "DeadRelu"} <= names


def test_training_steps_are_seen_at_the_interval_and_every_validation() -> None:
    losses = collections(of(debug="overfit", debug_interval="25"))["losses"]
    assert losses.train.save_interval == 25
    assert losses.evaluation.save_interval == 1


def test_a_file_alone_switches_it_on_and_says_everything() -> None:
    found = of(configured("gradients", save_interval="20", reductions="mean"))
    assert found.on
    assert not found.rules
    assert found.saved() == {"gradients": {"mean"}, "losses": {"raw"}}
    assert collections(found)["gradients"].train.save_interval == 20
    assert collections(found)["losses"].train.save_interval == 500


def test_file_and_rules_together_are_the_union() -> None:
    both = of(configured("gradients", reductions="prod"), debug="vanishing_gradient,overfit")
    gradients = collections(both)["gradients"]
    assert gradients.statistics == needs_of(both.rules[0])["gradients"]
    assert gradients.reductions == {"prod"}
    assert gradients.train.save_interval == 10
    slow = of(configured("gradients", save_interval="70"), debug="vanishing_gradient,overfit")
    assert collections(slow)["gradients"].train.save_interval == 70
    assert collections(slow)["losses"].train.save_interval == 10


def test_an_interval_for_the_whole_hook_holds_for_the_rules_too() -> None:
    file = {"HookParameters": {"save_interval": "40"}}
    assert collections(of(file, debug="overfit"))["losses"].train.save_interval == 40


def test_a_collection_that_an_sdk_sends_twice_is_one() -> None:
    twice = {
        "CollectionConfigurations": [
            *configured("losses", save_interval="500")["CollectionConfigurations"],
            *configured("losses", include_regex="Loss")["CollectionConfigurations"],
        ]
    }
    (losses,) = of(twice).collections
    assert losses.include_regex == ("Loss",)
    assert losses.train.save_interval == 500


def test_losses_labels_and_predictions_keep_their_values() -> None:
    found = of(configured("labels", reductions="mean"))
    assert found.saved()["labels"] == {"raw", "mean"}


def test_tensorboard_alone_gets_the_losses() -> None:
    found = of(board={"LocalPath": "/opt/ml/output/tensorboard"})
    assert found.tensorboard == "/opt/ml/output/tensorboard"
    assert set(found.saved()) == {"losses"}


def test_actions_go_to_each_rule() -> None:
    found = of(debug="overfit,vanishing_gradient", debug_actions="stop, emit")
    assert {rule.actions for rule in found.rules} == {"stop, emit"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"debug": "vanishing_gradiant"}, "did you mean VanishingGradient"),
        ({"debug": "overfit(patience=soon)"}, "patience of rule Overfit is 'soon'"),
        ({"debug": "overfit(speed=1)"}, "Overfit has no parameter speed"),
        ({"debug": "overfit(patience=1"}, "parentheses"),
        ({"debug": "overfit", "debug_actions": "explode"}, "'explode' is not an action"),
        ({"debug_actions": "stop"}, "debug asks for no rule"),
    ],
)
def test_what_is_wrong_is_told_at_once(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=f"Hyperparameter debug.*{sentence}"):
        settings.of(config.parse(given), {}, {})


def test_they_are_read_from_the_tree_without_loading_torch(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    tree.config.mkdir(parents=True)
    content = json.dumps(configured("weights", save_interval="3"))
    (tree.config / "debughookconfig.json").write_text(content)
    program = (
        "import sys; from pathlib import Path; from imageclf import config; "
        "from imageclf.contract import Tree; from imageclf.debugger.hook import settings; "
        "found = settings.read(Tree(Path(sys.argv[1])), config.parse({})); "
        "print(sorted(found.saved()), 'torch' in sys.modules)"
    )
    told = subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True)
    assert told == "['losses', 'weights'] False\n"
