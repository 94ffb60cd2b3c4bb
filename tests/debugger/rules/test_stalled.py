"""StalledTrainingRule: nothing new for a long time, live or seen afterwards."""

import pytest

from imageclf.debugger.rules.catalogue import make
from imageclf.debugger.rules.stalled import StalledTrainingRule
from imageclf.debugger.saved import Mode, SavedStep
from imageclf.rules.actions.plan import parse
from imageclf.rules.configuration import RuleConfiguration
from tests.debugger.rules.steps import findings


def at(*times_s: float) -> list[SavedStep]:
    return [SavedStep(number, Mode.TRAIN, number, t, ()) for number, t in enumerate(times_s)]


@pytest.mark.parametrize(("gap_s", "ill"), [(1799.0, False), (1800.0, True)])
def test_half_an_hour_without_a_step_is_a_stall(gap_s: float, ill: bool) -> None:
    assert bool(findings(StalledTrainingRule(), at(100.0, 100.0 + gap_s))) is ill


def test_the_same_is_found_while_it_lasts_and_afterwards() -> None:
    steps = at(0.0, 10.0, 4000.0, 4010.0, 9000.0)
    live, found = StalledTrainingRule(), []
    waits = iter([5.0, 1809.0, 1810.5, 3999.0, 4005.0, 9100.0])
    now_s = next(waits)
    for step in steps:
        while now_s < step.at_s:
            found += list(live.wait(now_s))
            now_s = next(waits)
        found += list(live.look(step))
    assert found == findings(StalledTrainingRule(), steps)
    assert [each.step for each in found] == [1, 3]
    assert (found[0].tensor, found[0].value, found[0].threshold) == ("", 1800.0, 1800.0)


def test_a_clock_that_was_set_back_is_no_stall() -> None:
    assert not findings(StalledTrainingRule(), at(5000.0, 10.0, 20.0))


def test_nothing_is_said_before_the_first_step() -> None:
    rule = StalledTrainingRule()
    assert not list(rule.wait(1e9))
    assert rule.missing()


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ("", "stop"),
        ("emit", "stop,emit"),
        ("stop, emit", "stop,emit"),
        ('[{"name": "stoptraining"}]', "stop"),
        ('[{"name": "email", "endpoint": "a@b.c"}]', "stop,email=a@b.c"),
        ('{"name": "email", "endpoint": "a@b.c"}', "stop,email=a@b.c"),
        ("email=stop@b.c", "stop,email=stop@b.c"),
    ],
)
def test_stopping_on_fire_adds_that_action_once(actions: str, expected: str) -> None:
    asked = RuleConfiguration(
        "mine", "StalledTrainingRule", {"stop_training_on_fire": "True"}, actions
    )
    assert parse(asked.actions) == parse(expected)


def test_without_it_the_actions_stay_as_they_are() -> None:
    given = {"stop_training_on_fire": "False", "training_job_name_prefix": "job"}
    asked = RuleConfiguration("mine", "StalledTrainingRule", given, "emit")
    assert asked.actions == "emit"
    make(asked)
