import numpy as np
import pytest

from imageclf.profiler.recorded import Floats, Table
from imageclf.profiler.rules import standard
from imageclf.profiler.rules.gpu_memory import GPUMemoryIncrease
from imageclf.rules.finding import Finding
from tests.profiler.rules.gpu_runs import findings, run, sampled, series


def _found(memory: Floats) -> list[Finding]:
    system = sampled({"gpu0_utilization": np.full(len(memory), 97.0), "gpu0_memory": memory})
    return findings(GPUMemoryIncrease.from_strings({"patience": "40"}), run(system))


def _rising(begin: float, pace: float, points: int) -> Floats:
    return begin + pace * np.arange(points, dtype=np.float64)


def test_memory_that_grows_slowly_is_told_each_time_it_has_grown_by_the_increase() -> None:
    rule = GPUMemoryIncrease.from_strings({"patience": "40"})
    found = findings(rule, run(series("memory_grows")))
    memory = series("memory_grows")["gpu0_memory"]
    assert 4 <= len(found) <= 6
    assert all(finding.value > 5 for finding in found)
    assert rule.details()["Details"]["algo-1"]["gpu0"]["gpu_max"] == pytest.approx(
        memory.max(), abs=1.0
    )


@pytest.mark.parametrize("name", ["healthy_a100", "eight_balanced", "idle"])
def test_memory_that_stays_is_healthy(name: str) -> None:
    rule = GPUMemoryIncrease.from_strings({"patience": "40"})
    assert findings(rule, run(series(name))) == []


def test_a_jump_is_told_with_what_it_was_and_is() -> None:
    (finding,) = _found(np.where(np.arange(400) < 200, 30.0, 50.0))
    assert finding.value == 20.0
    assert "from 30.0 % to 50.0 %" in finding.found


def test_memory_that_comes_and_goes_is_told_once_at_most() -> None:
    assert len(_found(np.where(np.arange(600) % 100 < 50, 30.0, 60.0))) == 1


def test_memory_that_is_taken_at_the_start_does_not_count() -> None:
    assert _found(np.where(np.arange(400) < 30, 5.0, 60.0)) == []


def test_a_jump_within_a_window_is_told_once() -> None:
    """The window that it cuts in two averages less than what comes after."""
    (finding,) = _found(np.where(np.arange(400) < 195, 43.0, 61.0))
    assert finding.value > 5


def test_a_rise_that_stays_is_not_called_a_leak() -> None:
    (finding,) = _found(np.where(np.arange(400) < 200, 30.0, 50.0))
    assert "A rise that stays is no leak" in finding.meaning
    assert finding.details["steady"] is False


def test_a_rise_that_goes_on_is_called_a_leak_and_its_end_is_foretold() -> None:
    found = _found(_rising(30, 0.06, 400))
    assert found[-1].details["steady"] is True
    assert "keeps rising" in found[-1].found
    now, pace = found[-1].details["at_s"], 0.12
    left_s = (100 - (30 + pace * now)) / pace
    assert f"at this pace in {left_s // 60:.0f}\N{NO-BREAK SPACE}min" in found[-1].meaning


STANDARD = {each.rule: each for each in standard.configurations()}["GPUMemoryIncrease"]


def _standard(system: Table) -> list[Finding]:
    return findings(GPUMemoryIncrease.from_strings(STANDARD.parameters), run(system))


def _memory(*parts: Floats) -> Table:
    memory = np.concatenate(parts)
    return sampled({"gpu0_utilization": np.full(len(memory), 97.0), "gpu0_memory": memory})


@pytest.mark.parametrize("name", ["memory_settles", "both_pause", "one_pauses"])
def test_memory_that_settles_is_healthy_to_the_standard_rule(name: str) -> None:
    assert _standard(series(name)) == []


def test_the_documented_rule_tells_of_memory_that_settles_but_not_of_a_leak() -> None:
    rule = GPUMemoryIncrease.from_strings({"patience": "40", "window": "20"})
    found = findings(rule, run(series("memory_settles")))
    assert [finding.details["steady"] for finding in found] == [False] * len(found)
    assert len(found) == 2, "a rise within a second is told once"


def test_the_standard_rule_tells_of_a_leak_once_it_goes_on() -> None:
    found = _standard(_memory(_rising(30, 0.06, 600)))
    assert found[0].details["at_s"] < 110
    assert all(finding.details["steady"] for finding in found)


def test_a_slow_leak_after_a_rise_that_stayed_is_told_with_where_it_began() -> None:
    settled = np.where(np.arange(1200) < 100, 40.0, 67.0)
    found = _standard(_memory(settled, _rising(67, 0.005, 2400)))
    assert found
    assert found[0].details["at_s"] > 600
    assert "from 67." in found[0].found or "from 68." in found[0].found


def test_memory_that_comes_and_goes_is_healthy_to_the_standard_rule() -> None:
    assert _standard(_memory(np.where(np.arange(1200) % 100 < 50, 30.0, 60.0))) == []
