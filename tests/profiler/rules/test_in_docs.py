from pathlib import Path

import pytest

from imageclf.profiler.rules import standard
from imageclf.profiler.rules.catalogue import RULES
from imageclf.rules.configuration import RuleConfiguration

PAGE = (Path(__file__).parents[3] / "docs" / "profiler_rules.md").read_text(encoding="utf-8")
ROWS = {line.split("|")[1].strip(): line for line in PAGE.splitlines() if line.startswith("| ")}
OF_ALL = {"scan_interval_us"}


@pytest.mark.parametrize("name", RULES)
def test_the_page_has_each_rule_with_its_parameters_and_defaults(name: str) -> None:
    fields = RULES[name].Parameters.model_fields
    given = {key: field.default for key, field in fields.items() if key not in OF_ALL}
    assert [one for key, one in given.items() if f"`{key}={one}`" not in ROWS[name]] == []


@pytest.mark.parametrize("configuration", standard.configurations(), ids=lambda one: one.name)
def test_the_page_says_what_the_standard_set_takes(configuration: RuleConfiguration) -> None:
    parameters = configuration.parameters
    name = configuration.name
    assert [
        f"{key}={value}"
        for key, value in parameters.items()
        if f"`{key}={value}`" not in ROWS[name]
    ] == []
