"""On a machine with a GPU: what NVML says of a real load, and what the rules make of it."""

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from imageclf.profiler.recorded import Table
from imageclf.profiler.rules.gpu_memory import GPUMemoryIncrease
from imageclf.profiler.rules.gpu_utilization import LowGPUUtilization
from tests.profiler.rules.gpu_runs import findings, run, sampled

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU: the rules are driven by synthesised series"
)

SHORT = {"patience": "80", "window": "80"}
SAMPLES, INTERVAL_S, WARM_UP_S, PAUSE_S = 90, 0.1, 2.0, 2.0


def _multiply() -> None:
    matrix = torch.ones(4096, 4096, device="cuda")
    for _ in range(20):
        matrix @ matrix
    torch.cuda.synchronize()


def _rest() -> None:
    time.sleep(INTERVAL_S / 4)


def _in_turns() -> None:
    (_rest if time.monotonic() % (2 * PAUSE_S) < PAUSE_S else _multiply)()


def _recorded(load: Callable[[], None]) -> Table:
    """Samples of the first GPU while `load` is called again and again."""
    began = time.monotonic()
    values: list[tuple[float, float]] = []
    while len(values) < SAMPLES:
        load()
        if time.monotonic() - began >= WARM_UP_S + INTERVAL_S * len(values):
            free, total = torch.cuda.mem_get_info(0)
            values.append((float(torch.cuda.utilization(0)), 100 * (1 - free / total)))
    utilization, memory = np.asarray(values).T
    return sampled({"gpu0_utilization": utilization, "gpu0_memory": memory}, INTERVAL_S)


def test_a_gpu_that_multiplies_all_the_time_is_healthy() -> None:
    recorded = run(_recorded(_multiply))
    assert findings(LowGPUUtilization.from_strings(SHORT), recorded) == []
    assert findings(GPUMemoryIncrease.from_strings(SHORT), recorded) == []


def test_a_gpu_that_does_next_to_nothing_is_used_little() -> None:
    (finding,) = findings(LowGPUUtilization.from_strings(SHORT), run(_recorded(_rest)))
    assert finding.details["kind"] == "under-used"


def test_a_gpu_that_works_and_rests_in_turns_fluctuates() -> None:
    (finding,) = findings(LowGPUUtilization.from_strings(SHORT), run(_recorded(_in_turns)))
    assert finding.details["kind"] == "fluctuating"


def test_memory_that_is_kept_from_step_to_step_grows() -> None:
    kept: list[torch.Tensor] = []
    share = torch.cuda.mem_get_info(0)[0] // 20 // SAMPLES

    def keep() -> None:
        time.sleep(INTERVAL_S)
        kept.append(torch.empty(share * 8, dtype=torch.uint8, device="cuda"))

    rule = GPUMemoryIncrease.from_strings({"patience": "20", "window": "10"})
    assert findings(rule, run(_recorded(keep)))
