import numpy as np
import pytest

from imageclf.profiler import names
from imageclf.profiler.recorded import Span
from imageclf.profiler.rules import standard
from imageclf.profiler.rules.gpu_utilization import LowGPUUtilization
from imageclf.rules.finding import Finding
from tests.profiler.rules.gpu_runs import WORKER, cut, findings, run, sampled, series, trained

SHORT = {"patience": "80", "window": "80"}
STANDARD = {each.rule: each.parameters for each in standard.configurations()}["LowGPUUtilization"]


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


def test_two_stalls_in_a_long_healthy_run_are_no_fluctuation_to_the_standard_rule() -> None:
    """As documented, each of the seven GPUs that stalled is told; one of 27 windows did."""
    whole = run(series("two_stalls"))
    assert findings(LowGPUUtilization.from_strings(STANDARD), whole) == []
    rule = LowGPUUtilization.from_strings(SHORT)
    assert len(findings(rule, whole)) == 7
    assert rule.details()["windows"]["algo-1"]["gpu1"] == {"judged": 27, "fluctuating": 1}


def test_a_stall_over_the_edge_of_two_windows_is_no_fluctuation_to_the_standard_rule() -> None:
    time_s = np.arange(0, 300, 0.5)
    stalled = np.where((time_s >= 37.5) & (time_s < 42.5), 0.0, 99.0)
    whole = run(sampled({"gpu0_utilization": stalled}))
    rule = LowGPUUtilization.from_strings(STANDARD)
    assert findings(rule, whole) == []
    assert rule.details()["windows"]["algo-1"]["gpu0"] == {"judged": 7, "fluctuating": 2}


def test_two_stalls_at_the_start_are_none_to_a_rule_that_is_shown_more_samples() -> None:
    """At 300 ms a window is 24 s long, and two of the first three have a stall."""
    stalls = series("two_stalls")
    place = np.searchsorted(stalls.at_s, np.arange(0, 1080, 0.3), side="right") - 1
    more = {name: values[place] for name, values in stalls.columns.items()}
    rule = LowGPUUtilization.from_strings(STANDARD)
    assert findings(rule, run(sampled(more, 0.3))) == []
    assert rule.details()["windows"]["algo-1"]["gpu1"] == {"judged": 45, "fluctuating": 2}


def test_a_pause_of_a_minute_in_a_long_run_does_not_make_a_gpu_one_that_is_used_little() -> None:
    time_s = np.arange(0, 1800, 0.5)
    paused = np.where((time_s > 900) & (time_s < 990), 0.0, 97.0)
    whole = run(sampled({"gpu0_utilization": paused}))
    assert findings(LowGPUUtilization.from_strings(STANDARD), whole) == []
    assert "in 1 of " in findings(LowGPUUtilization.from_strings(SHORT), whole)[0].found


@pytest.mark.parametrize(
    ("name", "gpus"), [("both_pause", {0, 1}), ("one_pauses", {0}), ("teeth_low", {0, 1})]
)
def test_pauses_again_and_again_are_told_with_the_share_of_windows(
    name: str, gpus: set[int]
) -> None:
    found = findings(LowGPUUtilization.from_strings(STANDARD), run(series(name)))
    assert {finding.tensor for finding in found} == {f"GPU {each} of algo-1" for each in gpus}
    assert {finding.details["kind"] for finding in found} == {"fluctuating"}
    judged = found[0].details["windows"]["judged"]
    assert f"fluctuated in 2 of {judged} windows of 80 samples" in found[0].found


def test_a_gpu_that_reads_42_all_the_time_is_used_little() -> None:
    (finding,) = findings(LowGPUUtilization.from_strings(STANDARD), run(series("steady_42")))
    assert "was used little in 1 of 1 windows" in finding.found


PAUSES = [(36.0 * each + 22.0, 14.0) for each in range(8)]


def _of_pauses(data: float | None, *spans: Span) -> Finding:
    """A finding on GPUs that pause together, of whose steps `data` is waiting for data."""
    phases = {} if data is None else {"data": data, "forward": (1 - data) / 2}
    steps = trained(0.0, 318.0, 0.25, **phases)
    whole = run(series("both_pause"), steps, spans=spans)
    return findings(LowGPUUtilization.from_strings(STANDARD), whole)[0]


def _spans(name: str) -> list[Span]:
    return [Span(name, at_s, took_s, WORKER) for at_s, took_s in PAUSES]


def test_pauses_of_which_nothing_is_known_are_not_put_down_to_data() -> None:
    finding = _of_pauses(None)
    assert "data" not in finding.meaning
    assert "checkpoints" in finding.advice
    assert "workers" not in finding.advice


@pytest.mark.parametrize("data", [None, 0.02])
def test_pauses_in_which_checkpoints_are_written_are_put_down_to_them(data: float | None) -> None:
    finding = _of_pauses(data, *_spans(names.CHECKPOINT))
    assert finding.meaning == "For 100 % of its pauses a checkpoint was written."
    assert "checkpoint-minutes" in finding.advice


def test_pauses_of_an_evaluation_are_put_down_to_it() -> None:
    finding = _of_pauses(0.02, *_spans(names.EVALUATION))
    assert "% of its pauses the training evaluated." in finding.meaning


def test_pauses_in_which_the_steps_wait_for_data_are_put_down_to_data() -> None:
    finding = _of_pauses(0.9, Span(names.CHECKPOINT, 100.0, 1.0, WORKER))
    assert "% of its pauses the training waited for data." in finding.meaning
    assert "more workers" in finding.advice
    assert finding.details["pauses"]["data"] == pytest.approx(0.9, abs=0.05)


def test_pauses_that_nothing_explains_are_told_with_what_is_known() -> None:
    finding = _of_pauses(0.02)
    assert "of its pauses waiting for data explains 2 %, checkpoints 0 %" in finding.meaning


def test_a_short_checkpoint_does_not_explain_long_pauses() -> None:
    finding = _of_pauses(None, Span(names.CHECKPOINT, PAUSES[0][0], 5.0, WORKER))
    assert "checkpoint was written" not in finding.meaning
    assert 0.1 < finding.details["pauses"]["checkpoint"] < 0.3


def test_data_that_another_gpus_process_waits_for_explains_nothing() -> None:
    steps = {"algo-1-0": trained(0.0, 318.0, data=0.05), "algo-1-1": trained(0.0, 318.0, data=0.9)}
    workers = {"algo-1-0": {"gpu": 0}, "algo-1-1": {"gpu": 1}}
    whole = run(series("both_pause"), steps, workers)
    first, second = findings(LowGPUUtilization.from_strings(STANDARD), whole)
    assert "explains 5 %" in first.meaning
    assert "90 % of its pauses the training waited for data" in second.meaning


def test_what_pauses_are_put_down_to_does_not_depend_on_the_portions() -> None:
    steps = trained(0.0, 318.0, 0.7, data=0.3)
    spans = _spans(names.CHECKPOINT)[::2] + _spans(names.EVALUATION)[1::2]
    whole = run(series("both_pause"), steps, spans=spans)
    one, other = (LowGPUUtilization.from_strings(STANDARD) for _ in range(2))
    expected = [each.as_json() for each in findings(one, whole)]
    portions = cut(whole, [float(at_s) for at_s in range(0, 318, 5)])
    assert [each.as_json() for each in findings(other, *portions)] == expected
    assert other.details()["pauses"] == one.details()["pauses"]
