import numpy as np
import pytest

from imageclf.profiler.rules.gpu_bottleneck import MAX_TIMES, CPUBottleneck, IOBottleneck
from tests.profiler.rules.gpu_runs import findings, run, sampled, series, trained

SHORT = {"patience": "40"}


def test_cores_that_are_full_while_the_gpu_waits_are_a_bottleneck() -> None:
    (finding,) = findings(CPUBottleneck.from_strings(SHORT), run(series("cpu_bottleneck")))
    samples = series("cpu_bottleneck").between(0.0, 60.0)
    hits = (samples["gpu0_utilization"] < 10) & (samples["cpu"] > 90)
    assert finding.value == pytest.approx(100 * hits.mean())
    assert finding.details["bottlenecks"] == hits.sum()
    assert finding.details["at_s"] == 60.0


def test_waiting_for_disks_is_another_bottleneck() -> None:
    assert findings(IOBottleneck.from_strings(SHORT), run(series("io_bottleneck")))
    assert findings(CPUBottleneck.from_strings(SHORT), run(series("io_bottleneck"))) == []
    assert findings(IOBottleneck.from_strings(SHORT), run(series("cpu_bottleneck"))) == []


@pytest.mark.parametrize("name", ["healthy_a100", "fluctuating", "under_used", "idle"])
def test_a_gpu_without_either_is_not_blamed_on_them(name: str) -> None:
    assert findings(CPUBottleneck.from_strings(SHORT), run(series(name))) == []
    assert findings(IOBottleneck.from_strings(SHORT), run(series(name))) == []


def test_it_must_last_for_more_than_the_threshold() -> None:
    part = np.where(np.arange(600) % 10 < 5, 0.0, 95.0)
    system = sampled({"cpu": np.full(600, 95.0), "gpu0_utilization": part})
    assert findings(CPUBottleneck.from_strings(SHORT), run(system)) == []
    lower = CPUBottleneck.from_strings({**SHORT, "threshold": "49"})
    assert len(findings(lower, run(system))) == 1


def test_a_share_that_is_reached_in_the_last_seconds_is_judged_at_the_end() -> None:
    utilization = np.where(np.arange(230) < 125, 95.0, 0.0)
    system = sampled({"cpu": np.full(230, 95.0), "gpu0_utilization": utilization})
    rule = CPUBottleneck.from_strings({**SHORT, "threshold": "45"})
    (finding,) = findings(rule, run(system))
    assert finding.details["at_s"] == 114.5


def test_one_starved_gpu_of_those_in_use_is_enough_and_unused_ones_do_not_count() -> None:
    busy, starved = np.full(200, 100.0), np.zeros(200)
    system = sampled(
        {"cpu": np.full(200, 95.0), "gpu0_utilization": busy, "gpu1_utilization": starved}
    )
    both = {"algo-1-0": {"gpu": 0}, "algo-1-1": {"gpu": 1}}
    assert len(findings(CPUBottleneck.from_strings(SHORT), run(system, workers=both))) == 1
    one = {"algo-1-0": {"gpu": 0}}
    assert findings(CPUBottleneck.from_strings(SHORT), run(system, workers=one)) == []


def test_the_figures_part_low_gpus_by_cause_and_bottlenecks_by_what_the_training_did() -> None:
    rule = CPUBottleneck.from_strings(SHORT)
    system = series("cpu_bottleneck")
    steps = trained(0.0, 300.0, 1.0, data=0.75, forward=0.25)
    findings(rule, run(system, steps))
    told = rule.details()["Details"]
    low = int((system["gpu0_utilization"] < 10).sum())
    hits = int(((system["gpu0_utilization"] < 10) & (system["cpu"] > 90)).sum())
    assert told["low_gpu_utilization"] == low
    assert told["causes"] == {"bottleneck": hits, "other": low - hits}
    assert told["phases"]["data"] == pytest.approx(0.75 * hits)
    assert told["phases"]["forward"] == pytest.approx(0.25 * hits)
    assert told["modes"]["train"] == hits
    assert len(told["bottlenecks"]) == min(hits, MAX_TIMES)
    assert rule.details()["hosts"]["algo-1"]["share"] == pytest.approx(hits / 600)


def test_time_between_steps_is_named_so() -> None:
    rule = CPUBottleneck.from_strings(SHORT)
    steps = trained(0.0, 300.0, 10.0)
    steps.columns["took_ms"][:] = 5000.0
    system = sampled({"cpu": np.full(600, 95.0), "gpu0_utilization": np.zeros(600)})
    findings(rule, run(system, steps))
    modes = rule.details()["Details"]["modes"]
    assert modes["train"] == 300
    assert modes["between steps"] == 290
