import inspect
import json

import pytest
from smdebug_rulesconfig.profiler_rules import rules as documented  # type: ignore[import-untyped]

from imageclf.profiler.rules import catalogue
from imageclf.profiler.rules.scanned import ScannedRule

NAMES = ["StepOutlier", "Dataloader", "MaxInitializationTime", "OverallSystemUsage"]
OURS = {"min_share": 0, "patience": 100, "min_data_wait": 0}
"""Parameters beyond the documented ones, with the values at which they change nothing."""


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_defaults_are_those_that_a_client_sends(name: str) -> None:
    signature = inspect.signature(getattr(documented, name).__init__)
    expected = {one.name: one.default for one in signature.parameters.values()}
    del expected["self"]
    given = catalogue.make(catalogue.of(name)).parameters.model_dump()
    assert {key: value for key, value in given.items() if key in expected} == expected
    assert {key: value for key, value in given.items() if key not in expected}.items() <= (
        OURS.items()
    )


@pytest.mark.parametrize(
    "name", [name for name, rule in catalogue.RULES.items() if issubclass(rule, ScannedRule)]
)
def test_the_report_has_words_for_each_rule_and_figures_before_anything_was_seen(
    name: str,
) -> None:
    rule = catalogue.make(catalogue.of(name))
    assert rule.description.endswith(".")
    assert rule.recommendation.endswith(".")
    assert rule.missing().endswith(".")
    told = rule.details()
    assert {"RuleTriggered", "Violations", "Datapoints", "RuleParameters", "Details"} <= set(told)
    assert json.dumps(told, allow_nan=False)
