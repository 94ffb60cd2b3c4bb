import numpy as np
import numpy.typing as npt
import pytest

from imageclf.profiler.recorded import Stretch
from imageclf.profiler.rules.memory_growth import MemoryGrowth
from tests.profiler.rules.runs import findings, run, samples, steps

COUNT = 240
NOISE_MIB = np.random.default_rng(1).normal(0, 5, COUNT)


def _run(own_mib: npt.NDArray[np.float64]) -> Stretch:
    system = samples(COUNT, own_memory_mib=own_mib, memory=50, memory_mib=4000)
    return run(steps(100, 1150), system=system)


def test_memory_that_grows_with_every_step_is_a_leak_and_its_pace_is_told() -> None:
    at_the_end = MemoryGrowth.from_strings({"scan_interval_us": str(10**10)})
    (finding,) = findings(at_the_end, _run(1000 + np.linspace(0, 600, COUNT) + NOISE_MIB))
    assert finding.value == pytest.approx(100 * 440 / 1150, rel=0.1)
    assert "nothing is left in 0.2 hours" in finding.meaning


def test_what_is_freed_after_the_last_step_hides_no_leak() -> None:
    at_the_end = MemoryGrowth.from_strings({"scan_interval_us": str(10**10)})
    freed = np.arange(COUNT) > 234  # after the last step
    growing = 1000 + np.linspace(0, 600, COUNT) + NOISE_MIB
    assert findings(at_the_end, _run(np.where(freed, 300, growing)))


@pytest.mark.parametrize(
    "own_mib",
    [
        pytest.param(1000 + NOISE_MIB, id="steady"),
        pytest.param(1000 + 800 * (1 - np.exp(-np.arange(COUNT) / 15)), id="warm-up"),
        pytest.param(1000 + 400 * (np.arange(COUNT) > 150), id="one-step"),
        pytest.param(1000 + 300 * (np.arange(COUNT) % 40 > 30) + NOISE_MIB, id="evaluations"),
        pytest.param(1000 + 400 * (np.arange(COUNT) % 60) / 60, id="freed-again"),
        pytest.param(1000 + np.linspace(0, 40, COUNT), id="little"),
    ],
)
def test_memory_that_settles_or_is_freed_again_is_none(own_mib: npt.NDArray[np.float64]) -> None:
    assert findings(MemoryGrowth(), _run(own_mib)) == []


def test_the_memory_of_the_container_stands_in_where_its_processes_are_not_known() -> None:
    growing = 1000 + np.linspace(0, 600, COUNT)
    system = samples(COUNT, memory_mib=growing, memory=growing / 40)
    assert findings(MemoryGrowth(), run(steps(100, 1150), system=system))


def test_what_is_loaded_before_the_first_step_is_no_growth() -> None:
    own_mib = 1000 + 10 * np.minimum(np.arange(COUNT), 200)
    system = samples(COUNT, own_memory_mib=own_mib)
    assert findings(MemoryGrowth(), run(steps(10, 100, begin_s=100), system=system)) == []


def test_what_the_first_slow_steps_take_and_keep_is_no_growth() -> None:
    """On a machine that is busy with something else a step may take a quarter of a minute."""
    own_mib = 500 + 500 * np.minimum(np.arange(COUNT) / 200, 1) + NOISE_MIB
    system = samples(COUNT, own_memory_mib=own_mib)
    assert findings(MemoryGrowth(), run(steps(15_000, 9), system=system)) == []
