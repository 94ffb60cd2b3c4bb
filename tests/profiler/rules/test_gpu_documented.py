import inspect

import pytest
from smdebug_rulesconfig.profiler_rules import rules as documented  # type: ignore[import-untyped]

from imageclf.profiler.rules import asked, catalogue
from imageclf.profiler.rules.base import ProfilerRule

NAMES = [
    "BatchSize",
    "CPUBottleneck",
    "GPUMemoryIncrease",
    "IOBottleneck",
    "LoadBalancing",
    "LowGPUUtilization",
]

OURS = {"only_steady": False, "min_windows": 0.0}
"""Parameters beyond the documented ones, with the values at which they change nothing."""


def _defaults(name: str) -> dict[str, object]:
    signature = inspect.signature(getattr(documented, name).__init__)
    return {
        each.name: each.default for each in signature.parameters.values() if each.name != "self"
    }


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_defaults_are_those_that_a_client_sends(name: str) -> None:
    given = catalogue.make(catalogue.of(name)).parameters.model_dump()
    documented_ones = _defaults(name)
    assert {key: value for key, value in given.items() if key in documented_ones} == documented_ones
    ours = {key: value for key, value in given.items() if key not in documented_ones}
    assert ours.items() <= OURS.items()


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_as_a_client_sends_it_is_the_documented_one(name: str) -> None:
    sent = {each: str(value) for each, value in getattr(documented, name)().rule_parameters.items()}
    (configuration,) = asked.from_list([{"RuleConfigurationName": "mine", "RuleParameters": sent}])
    rule = catalogue.make(configuration)
    assert (configuration.name, rule.name) == ("mine", name)
    assert rule.parameters == catalogue.make(catalogue.of(name)).parameters


@pytest.mark.parametrize("name", NAMES)
def test_the_report_has_words_for_each_rule_and_figures_before_anything_was_seen(
    name: str,
) -> None:
    rule = catalogue.make(catalogue.of(name))
    assert isinstance(rule, ProfilerRule)
    assert rule.description.endswith(".")
    assert rule.recommendation.endswith(".")
    told = rule.details()
    assert {"RuleTriggered", "Violations", "Datapoints", "RuleParameters", "Details"} <= set(told)
    assert (told["RuleTriggered"], told["Datapoints"]) == (0, 0)
