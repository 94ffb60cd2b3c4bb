import numpy as np
import pytest

from imageclf.profiler.recorded import Table
from imageclf.profiler.rules.gpu_batch_size import BatchSize
from tests.profiler.rules.gpu_runs import findings, run, series

SHORT = {"patience": "80", "window": "80"}


def test_a_machine_of_which_nothing_is_used_could_take_larger_batches() -> None:
    (finding,) = findings(BatchSize.from_strings(SHORT), run(series("small_batch")))
    samples = series("small_batch").between(0.0, 40.0)
    assert finding.details["gpu_p95"] == np.percentile(samples["gpu0_utilization"], 95)
    assert finding.details["cpu_p95"] == np.percentile(samples["cpu"], 95)
    assert finding.details["gpu_memory_p95"] == np.percentile(samples["gpu0_memory"], 95)
    assert "batch-size" in finding.advice


@pytest.mark.parametrize("name", ["healthy_a100", "under_used", "memory_grows", "cpu_bottleneck"])
def test_one_part_in_use_is_enough(name: str) -> None:
    assert findings(BatchSize.from_strings(SHORT), run(series(name))) == []


def test_a_gpu_that_no_process_uses_says_nothing_about_batches() -> None:
    small, healthy = series("small_batch"), series("healthy_a100")
    second = {name.replace("gpu0", "gpu1"): healthy[name] for name in healthy.columns}
    system = Table(small.at_s, {**second, **small.columns})
    one = run(system, workers={"algo-1-0": {"gpu": 1}})
    assert findings(BatchSize.from_strings(SHORT), one) == []
    other = run(system, workers={"algo-1-0": {"gpu": 0}})
    assert len(findings(BatchSize.from_strings(SHORT), other)) == 1


def test_the_last_small_window_can_be_drawn_as_boxes() -> None:
    rule = BatchSize.from_strings(SHORT)
    findings(rule, run(series("small_batch")))
    told = rule.details()
    assert told["RuleTriggered"] == 7
    box = told["Details"]["algo-1"]["gpu0"]["gpu"]
    assert box["p5"] <= box["p25"] <= box["p50"] <= box["p75"] <= box["p95"] < 70
    assert set(told["percentiles"]) == {"cpu", "gpu", "gpu_memory"}


def test_a_gpu_that_is_low_while_the_others_are_busy_has_no_smaller_batches() -> None:
    low = series("one_low")
    assert findings(BatchSize.from_strings(SHORT), run(low)) == []
    alone = run(low, workers={"algo-1-0": {"device": "cuda", "gpu": 0}})
    assert len(findings(BatchSize.from_strings(SHORT), alone)) == 1
