import numpy as np
import numpy.typing as npt
import pytest

from imageclf.errors import SettingsError
from imageclf.profiler import names
from imageclf.profiler.rules.steps import StepOutlier
from tests.profiler.rules.runs import WORKER, findings, run, steps


def _stalling(count: int = 300, every: int = 20) -> npt.NDArray[np.float64]:
    took_ms = np.random.default_rng(1).normal(50, 2, count)
    took_ms[every - 1 :: every] += 400
    return took_ms


def test_steps_that_stall_now_and_then_are_outliers_as_documented() -> None:
    took_ms = _stalling()
    (finding,) = findings(StepOutlier(), run(steps(took_ms)))
    counted = took_ms[5:]
    threshold = counted.mean() + 3 * counted.std()
    assert finding.value == (counted > threshold).sum() == 15
    assert (finding.threshold, finding.mode, finding.step) == (10, "TRAIN", 299)
    assert f"{threshold:.1f} ms" in finding.found


def test_ten_outliers_are_borne_and_a_hundred_steps_awaited() -> None:
    assert findings(StepOutlier(), run(steps(_stalling(200)))) == []
    few = {"n_outliers": "3"}
    assert findings(StepOutlier.from_strings(few), run(steps(_stalling(101))))
    assert findings(StepOutlier.from_strings(few), run(steps(_stalling(100)))) == []
    assert findings(StepOutlier.from_strings({**few, "patience": "99"}), run(steps(_stalling(100))))


def test_a_compilation_in_the_first_steps_hides_no_later_stalls() -> None:
    took_ms = _stalling()
    took_ms[0] = 60_000
    (finding,) = findings(StepOutlier(), run(steps(took_ms)))
    assert finding.value == 15


def test_the_finding_names_the_phase_that_loses_the_time() -> None:
    took_ms = _stalling()
    waited = np.where(took_ms > 300, 400, 1)
    (finding,) = findings(StepOutlier(), run(steps(took_ms, data=waited, forward=took_ms - waited)))
    assert finding.details["phase"] == names.DATA
    assert "phase data" in finding.advice
    assert finding.details["share"] == pytest.approx(28.6, abs=0.5)


def test_a_long_run_always_has_some_and_they_must_cost_something_for_the_standard_set() -> None:
    took_ms = np.random.default_rng(1).lognormal(3.9, 0.1, 20_000)
    assert findings(StepOutlier(), run(steps(took_ms)))
    assert findings(StepOutlier.from_strings({"min_share": "5"}), run(steps(took_ms))) == []


def test_training_and_evaluation_are_judged_apart() -> None:
    training = steps(np.full(200, 100.0))
    evaluation = steps(np.full(200, 10.0), mode=names.EVAL, begin_s=100)
    both = run({"algo-1-0": training, "algo-1-1": evaluation})
    assert findings(StepOutlier.from_strings({"n_outliers": "0"}), both) == []


def test_only_the_asked_mode_is_judged() -> None:
    whole = run(steps(_stalling(), mode=names.EVAL))
    assert findings(StepOutlier.from_strings({"mode": "TRAIN"}), whole) == []
    (finding,) = findings(StepOutlier.from_strings({"mode": "ModeKeys.EVAL"}), whole)
    assert finding.mode == "EVAL"
    with pytest.raises(SettingsError, match="TRAIN, EVAL or None"):
        StepOutlier.from_strings({"mode": "PREDICT"})


def test_its_figures_are_those_of_numpy_on_the_raw_series() -> None:
    took_ms = _stalling()
    rule = StepOutlier()
    findings(rule, run(steps(took_ms)))
    told = rule.details()
    (one,) = told["Details"]["step_details"]
    assert (one["node"], one["phase"]) == (WORKER, "TRAIN")
    stats = one["step_stats"]
    for name, share in (("p99", 99), ("p95", 95), ("p50", 50)):
        assert stats[name] == np.percentile(took_ms, share)
    assert (stats["min"], stats["max"]) == (took_ms.min(), took_ms.max())
    assert one["stddev"] == pytest.approx(took_ms.std())
    assert sum(one["probs"]) == 300 - 15
    assert one["step_numbers"] == list(range(19, 300, 20))
    assert (told["RuleTriggered"], told["Violations"], told["Datapoints"]) == (1, 15, 300)
