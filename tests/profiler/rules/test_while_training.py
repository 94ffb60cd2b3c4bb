import math
from dataclasses import replace

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import EMPTY, Span, Stretch, Table
from imageclf.profiler.rules.while_training import WhileTraining
from tests.profiler.rules.gpu_runs import cut, run, sampled, trained


def _samples(seconds: int) -> Table:
    return sampled({names.CPU: np.zeros(seconds), "gpu0_utilization": np.zeros(seconds)}, 1.0)


def _times(*portions: Stretch) -> list[float]:
    training = WhileTraining()
    parts = [part for portion in portions for part in training.take(portion)]
    return [float(at_s) for part in [*parts, *training.rest()] for at_s in part.samples.at_s]


def test_what_is_before_the_first_step_and_after_the_last_does_not_count() -> None:
    whole = run(_samples(100), trained(20.0, 60.0, 2.0))
    assert _times(whole) == list(range(20, 60))


def test_the_same_samples_count_in_portions() -> None:
    whole = run(_samples(100), trained(20.0, 60.0, 7.0))
    assert _times(*cut(whole, [3.0, 21.5, 22.0, 48.9, 70.0])) == _times(whole)


def test_a_sample_waits_until_a_later_step_is_known() -> None:
    training = WhileTraining()
    first, second = cut(run(_samples(40), trained(0.0, 40.0, 10.0)), [5.0])
    (part,) = training.take(first)
    assert part.samples.at_s.tolist() == [0, 1, 2, 3, 4]
    assert [len(part.samples) for part in training.take(second)] == [35]


def test_a_run_without_steps_counts_as_a_whole_at_its_end() -> None:
    whole = run(_samples(10), EMPTY)
    training = WhileTraining()
    assert training.take(whole) == []
    (part,) = training.rest()
    assert len(part.samples) == 10
    assert part.step_at(5.0) == 0


def test_the_step_that_was_going_on_is_named_after_portions_too() -> None:
    training = WhileTraining()
    for portion in cut(run(_samples(100), trained(0.0, 100.0, 2.0)), [10.0, 50.0, 90.0]):
        for part in training.take(portion):
            for at_s in part.samples.at_s:
                assert part.step_at(float(at_s)) == math.floor(at_s / 2)


def test_steps_that_are_over_are_forgotten() -> None:
    training = WhileTraining()
    whole = run(_samples(1000), trained(0.0, 1000.0, 0.1))
    for portion in cut(whole, [float(at_s) for at_s in range(5, 1000, 5)]):
        training.take(portion)
        assert sum(map(len, training._steps.values())) < 120


def test_gpus_in_use_are_those_that_the_hosts_processes_name() -> None:
    workers = {"algo-1-0": {"gpu": 0}, "algo-1-1": {"gpu": 1}, "algo-2-2": {"gpu": 5}}
    (part,) = WhileTraining().take(run(_samples(10), workers=workers))
    assert part.used == {0, 1}


def test_a_step_that_is_known_late_counts_all_the_same() -> None:
    """A long step is written when it ends, and comes with a later portion than its samples."""
    whole = run(_samples(100), trained(20.0, 80.0, 30.0))
    portions = cut(whole, [25.0, 55.0])
    late = [replace(portions[0], steps={}), replace(portions[1], steps={})]
    assert _times(*late, replace(portions[2], steps=whole.steps)) == _times(whole)


def test_checkpoints_and_evaluations_are_known_while_they_last_and_then_forgotten() -> None:
    spans = [
        Span(names.CHECKPOINT, 3.0, 4.0, "algo-2-1"),
        Span(names.EVALUATION, 22.0, 3.0, "algo-1-0"),
        Span(names.TRAINING_LOOP, 0.0, 40.0, "algo-1-0"),
    ]
    training = WhileTraining()
    whole = run(_samples(40), trained(0.0, 40.0, 1.0), spans=spans)
    known = [
        {span.name for span in part.spans}
        for portion in cut(whole, [5.0, 10.0, 15.0, 20.0, 25.0])
        for part in training.take(portion)
    ]
    checkpoint, evaluation = {names.CHECKPOINT}, {names.EVALUATION}
    assert known == [checkpoint, checkpoint, set(), set(), evaluation, evaluation]
