import pytest

from imageclf.profiler import names
from imageclf.profiler.recorded import Span
from imageclf.profiler.rules.pauses import LongCheckpoints
from tests.profiler.rules.runs import WORKER, findings, run, steps


def _spans(name: str, took_s: float) -> list[Span]:
    return [Span(name, 1 + 10 * number, took_s, WORKER) for number in range(10)]


def test_checkpoints_that_take_a_third_of_the_time_are_too_long() -> None:
    whole = run(steps(100, 1000), spans=_spans(names.CHECKPOINT, 3))
    (finding,) = findings(LongCheckpoints(), whole)
    assert finding.value == pytest.approx(30, abs=1)
    assert "each takes 3.0 s" in finding.advice
    assert "checkpoint-minutes" in finding.advice


def test_short_checkpoints_and_usual_evaluations_are_well() -> None:
    spans = [*_spans(names.CHECKPOINT, 0.5), *_spans(names.EVALUATION, 4)]
    assert findings(LongCheckpoints(), run(steps(100, 1000), spans=spans)) == []


def test_evaluation_has_a_bound_of_its_own() -> None:
    whole = run(steps(100, 1000), spans=_spans(names.EVALUATION, 7))
    (finding,) = findings(LongCheckpoints(), whole)
    assert "validation split" in finding.advice


def test_the_first_half_minute_is_not_judged() -> None:
    whole = run(steps(100, 100), spans=_spans(names.CHECKPOINT, 3)[:1])
    assert findings(LongCheckpoints(), whole) == []
