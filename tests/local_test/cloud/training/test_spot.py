"""When spot instances are taken away."""

import random

import pytest

from imageclf.errors import SettingsError
from local_test.cloud.training.spot import Schedule

CHANCE = random.Random(0)


def test_a_scheduled_interruption_comes_once() -> None:
    schedule = Schedule.parse("after=20")
    assert [schedule.due_s(count, CHANCE) for count in (0, 1, 2)] == [
        20.0,
        float("inf"),
        float("inf"),
    ]


def test_interruptions_by_chance_come_as_often_as_is_said() -> None:
    schedule = Schedule.parse("rate=2")
    waits_s = [schedule.due_s(0, CHANCE) for _ in range(20_000)]
    assert sum(waits_s) / len(waits_s) == pytest.approx(1800, rel=0.05)


@pytest.mark.parametrize("text", ["", "rate=0"])
def test_without_a_schedule_nothing_is_taken_away(text: str) -> None:
    assert Schedule.parse(text).due_s(0, CHANCE) == float("inf")


@pytest.mark.parametrize("text", ["often", "after", "after=", "after=-1", "rate=nan", "after=inf"])
def test_a_schedule_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="write after=20"):
        Schedule.parse(text)
