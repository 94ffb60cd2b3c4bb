"""Rules as text and as the list of a training job."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.saved import SavedStep
from imageclf.errors import SettingsError
from imageclf.rules.asked import Asking, as_list
from imageclf.rules.catalogue import Catalogue
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import MaybeText, RuleParameters


class LargeParameters(RuleParameters):
    threshold: float = 1.0
    tensor_regex: MaybeText = None


class Large(Rule):
    name = "LargeTensor"
    Parameters = LargeParameters

    def needs(self) -> Needs:
        return {}

    def look(self, step: SavedStep) -> Iterator[Finding]:  # noqa: ARG002
        return iter(())


CATALOGUE = Catalogue[SavedStep]([Large])
asked = Asking(CATALOGUE, standard=())


def test_a_rule_is_found_however_its_name_is_written() -> None:
    for text in ("LargeTensor", "large_tensor", " large-tensor ,"):
        assert [each.name for each in asked.parse(text)] == ["LargeTensor"]


def test_off_asks_for_nothing() -> None:
    assert asked.parse("off") == asked.parse("") == ()


def test_parameters_may_hold_commas_equals_and_parentheses() -> None:
    (rule,) = asked.parse("large_tensor(threshold=2; tensor_regex=^(fc|conv),a=b)")
    assert rule.parameters == {"threshold": "2", "tensor_regex": "^(fc|conv),a=b"}
    made = CATALOGUE.make(rule).parameters
    assert isinstance(made, LargeParameters)
    assert (made.threshold, made.tensor_regex) == (2.0, "^(fc|conv),a=b")


def test_what_is_asked_for_twice_comes_once_and_others_get_a_number() -> None:
    rules = asked.parse("large_tensor,LargeTensor,LargeTensor(threshold=2)")
    assert [each.name for each in rules] == ["LargeTensor", "LargeTensor-2"]
    assert [each.rule for each in rules] == ["LargeTensor", "LargeTensor"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("smalltensor", "There is no rule 'smalltensor'"),
        ("large_tensor(threshold=big)", "Parameter threshold of rule LargeTensor is 'big'"),
        ("large_tensor(limit=1)", "Rule LargeTensor has no parameter limit"),
        ("large_tensor(threshold)", "'threshold' of rule large_tensor is not parameter=value"),
        ("large_tensor(threshold=1", "do not match"),
        ("large_tensor)threshold=1(", "do not match"),
        ("large_tensor(threshold=1)x", "is malformed"),
    ],
)
def test_what_is_wrong_is_said(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        asked.parse(text)
    assert sentence in str(refused.value)


def test_a_training_jobs_own_list_is_understood() -> None:
    actions = json.dumps([{"name": "stoptraining", "training_job_prefix": "x"}])
    content = [
        {
            "RuleConfigurationName": "mine",
            "RuleEvaluatorImage": "DEFAULT_RULE_EVALUATOR_IMAGE",
            "RuleParameters": {
                "rule_to_invoke": "LargeTensor",
                "threshold": "3",
                "action_json": actions,
            },
        }
    ]
    (rule,) = asked.from_list(content)
    assert (rule.name, rule.rule, rule.parameters) == ("mine", "LargeTensor", {"threshold": "3"})
    assert rule.actions == actions
    assert asked.from_list(as_list([rule])) == (rule,)


def test_paths_of_other_trials_become_one_parameter() -> None:
    parameters = {"rule_to_invoke": "Alike", "other_trial_1": "s3://b/2", "other_trial_0": "/1"}
    (rule,) = asked.from_list([{"RuleParameters": parameters}], custom={"Alike"})
    assert rule.parameters == {"other_trials": "/1,s3://b/2"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "must be a JSON list"),
        ([1], "must be a JSON list"),
        ([{"RuleParameters": []}], "rule_to_invoke"),
        ([{"RuleParameters": "x"}], "must be an object"),
        ([{"RuleConfigurationName": "a", "RuleParameters": {}}], "'a' has no rule_to_invoke"),
        ([{"RuleParameters": {"rule_to_invoke": "LargeTensor"}}] * 2, "Two rules are called"),
    ],
)
def test_a_list_of_another_shape_is_refused(content: object, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        asked.from_list(content)
    assert sentence in str(refused.value)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    with pytest.raises(SettingsError, match="cannot be read"):
        asked.from_file(path)
    path.write_text("[" * 100_000)
    with pytest.raises(SettingsError, match="is not valid JSON"):
        asked.from_file(path)
