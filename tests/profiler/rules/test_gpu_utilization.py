import numpy as np
import pytest

from imageclf.profiler.rules.gpu_utilization import LowGPUUtilization
from imageclf.rules.finding import Finding
from tests.profiler.rules.gpu_runs import findings, run, sampled, series, trained

SHORT = {"patience": "80", "window": "80"}


def _found(name: str) -> list[Finding]:
    return findings(LowGPUUtilization.from_strings(SHORT), run(series(name)))


@pytest.mark.parametrize("name", ["healthy_a100", "memory_grows", "eight_balanced"])
def test_a_busy_gpu_is_healthy(name: str) -> None:
    assert _found(name) == []


def test_a_gpu_that_is_used_little_is_told_once_with_its_95th_percentile() -> None:
    (finding,) = _found("under_used")
    window = series("under_used")["gpu0_utilization"][:80]
    assert finding.details["kind"] == "under-used"
    assert finding.value == np.percentile(window, 95)
    assert finding.details["p5"] == np.percentile(window, 5)
    assert finding.threshold == 70.0
    assert "GPU 0 of algo-1 was used little" in finding.found


def test_a_gpu_that_waits_for_data_again_and_again_fluctuates() -> None:
    (finding,) = _found("fluctuating")
    assert finding.details["kind"] == "fluctuating"
    assert finding.value < 10
    assert finding.details["p95"] > 70


def test_an_idle_gpu_is_called_idle() -> None:
    (finding,) = _found("idle")
    assert "was idle" in finding.found


def test_each_gpu_is_judged_by_itself() -> None:
    found = _found("eight_unbalanced")
    assert {finding.tensor for finding in found} == {
        f"GPU {number} of algo-1" for number in range(1, 8)
    }


def test_a_long_start_is_no_disease_of_the_gpu() -> None:
    utilization = np.concatenate((np.zeros(600), series("healthy_a100")["gpu0_utilization"]))
    system = sampled({"gpu0_utilization": utilization})
    rule = LowGPUUtilization.from_strings(SHORT)
    assert findings(rule, run(system, trained(300.0, 600.0))) == []
    assert rule.datapoints == 600


def test_the_documented_patience_lets_a_short_run_be_without_a_verdict() -> None:
    rule = LowGPUUtilization()
    assert findings(rule, run(series("idle"))) == []
    assert rule.looked == 0
    assert rule.missing() == "600 data points are fewer than the rule waits for: not evaluated."


def test_the_figures_are_numpys_percentiles_of_the_raw_series() -> None:
    rule = LowGPUUtilization.from_strings(SHORT)
    findings(rule, run(series("fluctuating")))
    raw = series("fluctuating")["gpu0_utilization"]
    figures = rule.details()["utilization"]["algo-1"]["gpu0"]
    for share in (5, 25, 50, 75, 95):
        assert figures[f"p{share}"] == np.percentile(raw, share)
    boxes = rule.details()["boxes"]["algo-1"]["gpu0"]
    assert sum(box["points"] for box in boxes) == len(raw)
    assert boxes[0]["p50"] == np.percentile(raw[: int(boxes[0]["points"])], 50)


def test_all_windows_are_counted_under_the_managed_keys() -> None:
    rule = LowGPUUtilization.from_strings(SHORT)
    findings(rule, run(series("under_used")))
    told = rule.details()
    assert (told["RuleTriggered"], told["Violations"], told["Datapoints"]) == (7, 7, 600)
    assert told["windows"] == {"algo-1": {"gpu0": {"judged": 7, "under-used": 7}}}
    assert told["RuleParameters"]["threshold_p95"] == 70.0
    last = series("under_used")["gpu0_utilization"][480:560]
    assert told["Details"]["algo-1"]["gpu0"]["gpu_95"] == np.percentile(last, 95)
