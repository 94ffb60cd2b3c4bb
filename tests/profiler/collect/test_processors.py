import math
import os
from pathlib import Path

import pytest

from imageclf.profiler import names
from imageclf.profiler.collect.cgroup import Quota
from imageclf.profiler.collect.processors import Cores, Load

BEFORE = """cpu  100 0 0 0 0 0 0 0 0 0
cpu0 {} 0 0
cpu1 {} 0 0
cpu7 {} 0 0
intr 5 4 3
"""
IDLE = "0 0 0 0 0 0 0 0"


def proc(folder: Path, *cores: str) -> Path:
    (folder / "stat").write_text(BEFORE.format(*cores))
    return folder


UNLIMITED = Quota(1, [], [])


def figures(meter: Cores) -> dict[str, float]:
    return dict(zip(meter.columns, meter.read(0.5), strict=True))


# user nice system idle iowait irq softirq steal
@pytest.mark.parametrize(
    ("spent", "busy", "waits"),
    [
        ("50 0 0 50 0 0 0 0", 50.0, 0.0),
        ("10 10 10 40 0 10 10 10", 60.0, 0.0),
        ("25 0 0 25 50 0 0 0", 25.0, 50.0),
        ("0 0 0 100 0 0 0 0", 0.0, 0.0),
        ("0 0 0 0 100 0 0 0", 0.0, 100.0),
    ],
    ids=["half", "all-kinds-of-work", "waits", "idle", "waits-only"],
)
def test_work_is_what_is_neither_idle_nor_waiting(
    tmp_path: Path, spent: str, busy: float, waits: float
) -> None:
    meter = Cores([0], proc(tmp_path, IDLE, IDLE, IDLE), UNLIMITED)
    proc(tmp_path, spent, IDLE, IDLE)
    assert figures(meter) == {names.CPU: busy, names.IO_WAIT: waits, "cpu0": busy}


def test_only_the_cores_that_the_training_may_use_count(tmp_path: Path) -> None:
    meter = Cores([7, 0], proc(tmp_path, IDLE, IDLE, IDLE), UNLIMITED)
    proc(tmp_path, "100 0 0 0 0 0 0 0", "3 0 0 97 0 0 0 0", "50 0 0 50 0 0 0 0")
    found = figures(meter)
    assert found == {names.CPU: 75.0, names.IO_WAIT: 0.0, "cpu0": 100.0, "cpu7": 50.0}


def test_it_tells_of_the_time_since_the_last_look(tmp_path: Path) -> None:
    meter = Cores([0], proc(tmp_path, IDLE, IDLE, IDLE), UNLIMITED)
    proc(tmp_path, "100 0 0 0 0 0 0 0", IDLE, IDLE)
    meter.read(0.5)
    proc(tmp_path, "110 0 0 90 0 0 0 0", IDLE, IDLE)
    assert figures(meter)["cpu0"] == 10.0


def test_a_count_that_goes_back_is_no_time(tmp_path: Path) -> None:
    meter = Cores([0], proc(tmp_path, "0 0 0 0 9 0 0 0", IDLE, IDLE), UNLIMITED)
    proc(tmp_path, "50 0 0 50 0 0 0 0", IDLE, IDLE)
    assert figures(meter) == {names.CPU: 50.0, names.IO_WAIT: 0.0, "cpu0": 50.0}


def test_without_a_tick_or_a_core_nothing_is_known(tmp_path: Path) -> None:
    meter = Cores([0, 3], proc(tmp_path, IDLE, IDLE, IDLE), UNLIMITED)
    assert all(math.isnan(one) for one in meter.read(0.01))
    proc(tmp_path, "50 0 0 50 0 0 0 0", IDLE, IDLE)
    found = figures(meter)
    assert found[names.CPU] == 50.0
    assert math.isnan(found["cpu3"])


def test_where_the_kernel_tells_nothing_all_is_unknown(tmp_path: Path) -> None:
    assert all(math.isnan(one) for one in Cores([0], tmp_path, UNLIMITED).read(1.0))


def test_the_real_machine_has_figures() -> None:
    meter = Cores()
    end = os.times().elapsed + 0.05
    while os.times().elapsed < end:
        sum(range(1000))
    assert all(0 <= one <= 100 for one in meter.read(0.05)[:2])
    assert Load().read(1.0)[0] >= 0


class FakeQuota(Quota):
    """A container that has used half of what it may."""

    def __init__(self) -> None:
        super().__init__(1, [], [])

    def read(self, _elapsed_s: float) -> float | None:
        return 50.0


def test_the_mean_is_of_what_a_container_may_use(tmp_path: Path) -> None:
    meter = Cores([0], proc(tmp_path, IDLE, IDLE, IDLE), FakeQuota())
    proc(tmp_path, "5 0 0 95 0 0 0 0", IDLE, IDLE)
    assert figures(meter) == {names.CPU: 50.0, names.IO_WAIT: 0.0, "cpu0": 5.0}
