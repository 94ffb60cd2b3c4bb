import numpy as np
import pytest

from imageclf.profiler.rules.tiny_batch import TinyBatch
from tests.profiler.rules.runs import findings, run, steps

MACHINE = {"operator_us": 10.0, "step": {"operators": 500}}


def test_a_batch_of_one_is_mostly_calls_of_operators_and_a_larger_one_is_advised() -> None:
    one = steps(15, 100, images=1, data=1, optimiser=2)
    (finding,) = findings(TinyBatch(), run(one, machine=MACHINE))
    assert finding.value == pytest.approx(50)
    assert finding.details["wanted_batch_size"] == 16
    assert "batch-size=16" in finding.advice
    assert "saves about 47 %" in finding.advice


def test_a_batch_that_computes_for_long_is_large_enough() -> None:
    assert findings(TinyBatch(), run(steps(300, 100, optimiser=2), machine=MACHINE)) == []


@pytest.mark.parametrize(("fixed_ms", "found"), [(40, 1), (5, 0)])
def test_the_last_batch_of_an_epoch_tells_what_does_not_depend_on_the_pictures(
    fixed_ms: float, found: int
) -> None:
    images = np.where(np.arange(120) % 20 == 19, 4, 16)
    whole = steps(fixed_ms + 3 * images, images=images)
    told = findings(TinyBatch(), run(whole))
    assert len(told) == found
    rule = TinyBatch()
    findings(rule, run(whole))
    assert rule.details()["Details"]["workers"]["algo-1-0"]["fixed_ms"] == pytest.approx(fixed_ms)


def test_a_gpu_that_idles_between_kernels_wants_a_larger_batch() -> None:
    busy = {"forward_device_ms": 10, "backward_device_ms": 20}
    facts = {"device": "cuda"}
    (finding,) = findings(TinyBatch(), run(steps(100, 60, data=10, **busy), facts=facts))
    assert finding.value == pytest.approx(100 * 60 / 90)
    assert findings(TinyBatch(), run(steps(45, 60, data=10, **busy), facts=facts)) == []


def test_no_more_pictures_are_advised_than_there_are() -> None:
    one = steps(15, 100, images=1, optimiser=2)
    (finding,) = findings(TinyBatch(), run(one, machine=MACHINE, facts={"train_images": 6}))
    assert finding.details["wanted_batch_size"] == 6


def test_without_anything_to_compare_it_is_not_evaluated() -> None:
    rule = TinyBatch()
    assert findings(rule, run(steps(15, 100), machine={"operator_us": "fast"})) == []
    assert rule.looked == 0
    assert rule.missing().endswith("not evaluated.")
