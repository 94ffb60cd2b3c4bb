"""ClassImbalance: how often classes come, and how often they are predicted wrong."""

from collections.abc import Sequence

import numpy as np
import pytest

from imageclf.debugger.rules.labels import ClassImbalance
from imageclf.debugger.saved import Mode, SavedStep
from imageclf.errors import TensorsError
from imageclf.rules.finding import Finding
from tests.debugger.rules.steps import findings, raw, step


def batches(labels: Sequence[int], said: Sequence[int] | None = None) -> list[SavedStep]:
    """Steps of 10 labels and the classes that were said of them."""
    said = labels if said is None else said
    return [
        step(
            at // 10,
            raw("labels", labels[at : at + 10], "labels"),
            raw("predictions", said[at : at + 10], "predictions"),
        )
        for at in range(0, len(labels), 10)
    ]


def judge(run: list[SavedStep], **given: str) -> list[Finding]:
    return findings(ClassImbalance.from_strings(given), run)


def mixed(*counts: int) -> list[int]:
    labels = np.repeat(np.arange(len(counts)), counts)
    return [int(each) for each in np.random.default_rng(0).permutation(labels)]


@pytest.mark.parametrize(("counts", "ill"), [((500, 50), False), ((510, 50), True)])
def test_the_largest_class_may_be_ten_times_the_smallest(
    counts: tuple[int, int], ill: bool
) -> None:
    assert bool(judge(batches(mixed(*counts)), samples=str(sum(counts)))) is ill


@pytest.mark.parametrize(("labels", "ill"), [(490, False), (500, True)])
def test_nothing_is_said_before_500_labels_were_seen(labels: int, ill: bool) -> None:
    rule = ClassImbalance()
    assert bool(findings(rule, batches(mixed(labels - 10, 10)))) is ill
    assert rule.missing() == ""


def test_more_than_ten_classes_need_fifty_labels_each_unless_samples_was_given() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 133, 6640).tolist()
    few = batches(labels[:600])
    assert not judge(few)
    assert judge(few, samples="500")
    assert not judge(batches(labels))


def test_133_breeds_of_which_one_has_three_times_the_pictures_of_another_are_balanced() -> None:
    counts = np.linspace(26, 77, 133).astype(int).tolist()
    assert not judge(batches(mixed(*counts)), threshold_misprediction="1")


def test_the_counts_of_the_classes_are_told() -> None:
    (found,) = judge(batches(mixed(600, 20)), samples="620")
    assert (found.value, found.threshold) == (30.0, 10.0)
    assert "600 are of class 0 and 20 of class 1" in found.found
    assert found.details["class_counts"] == {"0": 600, "1": 20}


def test_labels_of_a_single_class_are_as_unbalanced_as_can_be() -> None:
    (found,) = judge(batches([3] * 500))
    assert "All 500 labels" in found.found


def test_a_class_that_is_only_predicted_was_never_seen() -> None:
    (found,) = judge(batches([0, 1] * 250, [0, 2] * 250), threshold_misprediction="1")
    assert "0 of class 2" in found.found


@pytest.mark.parametrize(("wrong", "ill"), [(175, False), (176, True)])
def test_at_most_seven_tenths_of_a_class_may_be_predicted_wrong(wrong: int, ill: bool) -> None:
    labels = [0, 1] * 250
    ones = [at for at, label in enumerate(labels) if label == 1]
    said = list(labels)
    for at in ones[:wrong]:
        said[at] = 0
    found = judge(batches(labels, said))
    assert bool(found) is ill
    if found:
        assert found[0].value == pytest.approx(176 / 250)
        assert found[0].details["wrong"] == {"0": 0, "1": 176}


def test_one_hot_labels_and_scores_are_judged_as_class_numbers_are() -> None:
    labels, said = mixed(480, 20), mixed(20, 480)
    plain = batches(labels, said)
    one_hot = [
        step(
            each.number,
            raw("my_labels", np.eye(2)[labels[10 * at : 10 * at + 10]]),
            raw("my_predictions", 0.1 + 0.8 * np.eye(2)[said[10 * at : 10 * at + 10]]),
        )
        for at, each in enumerate(plain)
    ]
    assert len(judge(plain)) == 2
    assert judge(one_hot, argmax="True") == judge(plain)


def test_scores_without_argmax_say_what_to_set() -> None:
    run = [step(0, raw("labels", [0, 1], "labels"), raw("predictions", np.eye(2), "predictions"))]
    with pytest.raises(TensorsError, match="argmax=True"):
        judge(run)


def test_predictions_of_another_batch_are_an_error() -> None:
    run = [step(0, raw("labels", [0, 1], "labels"), raw("predictions", [1], "predictions"))]
    with pytest.raises(TensorsError, match="1 predictions for 2 labels"):
        judge(run)


def test_each_workers_labels_go_with_its_own_predictions() -> None:
    tensors = [
        raw(name, [worker] * 10, name, worker=f"worker_{worker}")
        for name in ("predictions", "labels")
        for worker in (1, 0)
    ]
    run = [step(number, *tensors) for number in range(30)]
    assert not judge(run)


def as_validation(run: list[SavedStep]) -> list[SavedStep]:
    return [SavedStep(99, Mode.EVAL, 0, 0.0, each.tensors) for each in run]


def test_validation_counts_too() -> None:
    run = batches(mixed(240, 10))
    assert judge(run + as_validation(run))


def test_training_counts_alone_once_there_is_enough_of_it() -> None:
    uneven, even = batches(mixed(580, 20)), batches(mixed(300, 300))
    (found,) = judge(as_validation(even) + uneven)
    assert "labels of training" in found.found
    assert not judge(even + as_validation(uneven))


def test_a_run_without_labels_is_no_pass() -> None:
    rule = ClassImbalance()
    assert not findings(rule, [step(0, raw("predictions", [1], "predictions"))])
    assert "labels" in rule.missing()
