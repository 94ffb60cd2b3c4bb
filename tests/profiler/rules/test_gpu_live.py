"""On a machine with a GPU: what NVML says of a real load, and what the rules make of it."""

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from imageclf.profiler.recorded import Table
from imageclf.profiler.rules.gpu_utilization import LowGPUUtilization
from tests.profiler.rules.gpu_runs import findings, run, sampled

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU: the rules are driven by synthesised series"
)

SHORT = {"patience": "20", "window": "20"}
SAMPLES, INTERVAL_S, WARM_UP_S = 40, 0.1, 2.0


def _multiply() -> None:
    matrix = torch.ones(4096, 4096, device="cuda")
    for _ in range(20):
        matrix @ matrix
    torch.cuda.synchronize()


def _recorded(load: Callable[[], None]) -> Table:
    """Samples of the first GPU while `load` is called again and again."""
    began = time.monotonic()
    values: list[float] = []
    while len(values) < SAMPLES:
        load()
        if time.monotonic() - began >= WARM_UP_S + INTERVAL_S * len(values):
            values.append(float(torch.cuda.utilization(0)))
    return sampled({"gpu0_utilization": np.asarray(values)}, INTERVAL_S)


def test_a_gpu_that_multiplies_all_the_time_is_healthy() -> None:
    assert findings(LowGPUUtilization.from_strings(SHORT), run(_recorded(_multiply))) == []


def test_a_gpu_that_does_next_to_nothing_is_used_little() -> None:
    def rest() -> None:
        time.sleep(INTERVAL_S / 4)

    (finding,) = findings(LowGPUUtilization.from_strings(SHORT), run(_recorded(rest)))
    assert finding.details["kind"] == "under-used"
