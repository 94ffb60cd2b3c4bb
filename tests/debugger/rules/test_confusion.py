"""Confusion: the matrix of classes and of what they are taken for."""

import numpy as np
import pytest

from imageclf.debugger.rules.confusion import Confusion
from imageclf.debugger.saved import Mode, SavedStep
from imageclf.errors import TensorsError
from imageclf.rules.finding import Finding
from tests.debugger.rules.steps import findings, raw, step


def a_pass(
    number: int, *cells: tuple[int, int, int], scores: bool = False, mode: Mode = Mode.EVAL
) -> SavedStep:
    """A step with so many pictures of one class that were taken for another (class, said, many)."""
    labels = np.concatenate([np.full(many, actual) for actual, _, many in cells])
    said = np.concatenate([np.full(many, said) for _, said, many in cells])
    width = 1 + int(max(labels.max(), said.max()))
    return step(
        number,
        raw("labels", np.eye(width)[labels] if scores else labels, "labels"),
        raw("predictions", np.eye(width)[said] if scores else said, "predictions"),
        mode=mode,
    )


def judge(*run: SavedStep, **given: str) -> list[Finding]:
    return findings(Confusion.from_strings(given), run)


GOOD = ((0, 0, 95), (1, 1, 95), (1, 0, 5), (0, 1, 5))


def test_a_good_matrix_is_quiet() -> None:
    assert not judge(a_pass(0, *GOOD))


@pytest.mark.parametrize(("right", "ill"), [(90, False), (89, True)])
def test_nine_tenths_of_the_predictions_of_each_class_must_be_right(right: int, ill: bool) -> None:
    found = judge(a_pass(0, (0, 0, right), (1, 0, 100 - right), (1, 1, 100)), max_off_diag="1")
    assert bool(found) is ill
    if found:
        assert (found[0].value, found[0].threshold) == (0.89, 0.9)
        assert found[0].details["confusion"] == [[89, 0], [11, 100]]


@pytest.mark.parametrize(("wrong", "ill"), [(10, False), (11, True)])
def test_a_tenth_of_the_predictions_of_a_class_may_be_of_another(wrong: int, ill: bool) -> None:
    found = judge(a_pass(0, (0, 0, 100 - wrong), (1, 0, wrong), (1, 1, 100)), min_diag="0")
    assert bool(found) is ill
    if found:
        assert "are of class 1 (11 %)" in found[0].found


def test_ten_perfect_classes_are_quiet() -> None:
    assert not judge(a_pass(0, *[(each, each, 10) for each in range(10)]))


def test_a_class_that_is_never_predicted_is_never_right() -> None:
    found = judge(a_pass(0, (0, 0, 95), (1, 0, 5)))
    assert [each.value for each in found] == [0.0]


def test_classes_that_do_not_occur_are_not_judged() -> None:
    assert not judge(a_pass(0, *GOOD), category_no="10")


def test_the_last_validation_pass_is_judged_as_a_whole() -> None:
    wrong, good = ((0, 1, 10), (1, 0, 10)), GOOD
    training = a_pass(8, *wrong, mode=Mode.TRAIN)
    assert not judge(a_pass(0, *wrong), training, a_pass(9, *good))
    found = judge(a_pass(0, *good), training, a_pass(9, (0, 0, 10)), a_pass(10, (1, 0, 10)))
    assert {each.step for each in found} == {10}
    assert found[0].details["confusion"] == [[10, 0], [10, 0]]


def test_training_is_judged_at_the_end_where_there_is_no_validation() -> None:
    run = [a_pass(n, (0, 0, 5), (1, 1, 2), (1, 0, 3), mode=Mode.TRAIN) for n in range(4)]
    rule = Confusion()
    assert not [each for one in run for each in rule.look(one)]
    assert {each.step for each in rule.finish()} == {3}


def test_one_hot_labels_and_scores_are_judged_as_class_numbers_are() -> None:
    cells = ((0, 0, 5), (1, 1, 2), (1, 0, 3))
    assert len(judge(a_pass(0, *cells))) == 2
    assert judge(a_pass(0, *cells, scores=True)) == judge(a_pass(0, *cells))


def test_tensors_may_be_named() -> None:
    run = step(0, raw("y", [0, 0]), raw("y_hat", [1, 1]), mode=Mode.EVAL)
    assert judge(run, labels="y", predictions="y_hat")


def test_a_class_beyond_category_no_is_an_error() -> None:
    with pytest.raises(TensorsError, match="Class 2"):
        judge(a_pass(0, (0, 0, 1), (1, 2, 1)), category_no="2")


def test_a_finding_of_many_classes_does_not_carry_their_matrix() -> None:
    found = judge(a_pass(0, *[(each, 0, 1) for each in range(200)]))
    assert found
    assert not any(each.details for each in found)
