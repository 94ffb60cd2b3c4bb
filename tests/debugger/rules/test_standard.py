"""The standard set: known rules with documented parameters, which survive a file as they are."""

import pytest

from imageclf.debugger.rules import asked, standard
from imageclf.debugger.rules.catalogue import make, of
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine
from imageclf.rules.finding import Status
from tests.debugger.rules.steps import raw, step

SET = standard.configurations()


def state_of(configuration: RuleConfiguration) -> tuple[Status, str]:
    """How a rule stands after a step of which only a loss was saved."""
    engine = Engine([(configuration, make(configuration))])
    engine.look([step(0, raw("CrossEntropyLoss_output_0", 1.0, "losses"))])
    engine.finish()
    return engine.states[0].status, engine.states[0].details


def test_what_may_go_wrong_in_a_fine_tuning_is_watched() -> None:
    assert [each.name for each in SET] == [
        "Overfit",
        "Overtraining",
        "PoorWeightInitialization",
        "LossNotDecreasing",
        "VanishingGradient",
        "ExplodingTensor",
        "DeadRelu",
        "ClassImbalance",
        "CheckInputImages",
    ]
    assert asked.parse("standard") == SET


@pytest.mark.parametrize("configuration", SET, ids=lambda each: each.name)
def test_each_has_parameters_that_its_rule_takes(configuration: RuleConfiguration) -> None:
    make(configuration)


def test_the_set_is_the_same_after_a_file() -> None:
    assert asked.from_list(asked.as_list(SET)) == SET


def test_a_network_without_relus_is_no_error_but_a_rule_that_was_asked_for_by_name_is() -> None:
    (of_set,) = [each for each in SET if each.name == "DeadRelu"]
    status, details = state_of(of_set)
    assert status is Status.NO_ISSUES
    assert "relu_output" in details
    assert state_of(of("DeadRelu"))[0] is Status.ERROR
