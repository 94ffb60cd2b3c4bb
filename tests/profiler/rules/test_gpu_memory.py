import numpy as np
import numpy.typing as npt
import pytest

from imageclf.profiler.rules.gpu_memory import GPUMemoryIncrease
from imageclf.rules.finding import Finding
from tests.profiler.rules.gpu_runs import findings, run, sampled, series


def _found(memory: npt.NDArray[np.float64]) -> list[Finding]:
    system = sampled({"gpu0_utilization": np.full(len(memory), 97.0), "gpu0_memory": memory})
    return findings(GPUMemoryIncrease.from_strings({"patience": "40"}), run(system))


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
