from collections.abc import Sequence

import numpy as np
import pytest

from imageclf.debugger.names import WEIGHTS
from imageclf.debugger.rules.changes import UnchangedTensor, WeightUpdateRatio
from imageclf.debugger.saved import Mode, SavedStep
from imageclf.debugger.statistics import RAW
from imageclf.errors import SettingsError
from tests.debugger.rules.steps import as_statistics, findings, raw, step, told


def weights(*values: float, every: int = 1, mode: Mode = Mode.TRAIN) -> list[SavedStep]:
    """A weight that has these values at the saved steps."""
    return [
        step(n * every, raw("fc.weight", [value, -value], WEIGHTS), mode=mode)
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "side"),
    [
        ((1, 10.9), ""),
        ((1, 11.1), "above 10"),
        ((1, 1 + 2**-20), ""),
        ((1, 1), "below 1e-08"),
        ((0, 0), "below 1e-08"),
        ((0, 1e-3), "above 10"),
    ],
)
def test_an_update_outside_its_bounds_is_found(values: Sequence[float], side: str) -> None:
    steps = weights(*values)

    from_values = findings(WeightUpdateRatio(), steps)

    assert [side in one.found and one.step == 1 for one in from_values] == [True] * bool(side)
    from_statistics = findings(
        WeightUpdateRatio(), as_statistics(steps, WeightUpdateRatio().needs())
    )
    assert [one.found for one in from_statistics] == [one.found for one in from_values]


@pytest.mark.parametrize(("ratio", "number"), [(10.0, 0), (10.5, 1), (2e-8, 0), (5e-9, 1)])
def test_the_hooks_own_ratio_is_enough(ratio: float, number: int) -> None:
    steps = [step(0, told("w", WEIGHTS)), step(10, told("w", WEIGHTS, update_ratio=ratio))]

    assert len(findings(WeightUpdateRatio(), steps)) == number


def test_the_first_saved_step_has_nothing_to_compare_with() -> None:
    rule = WeightUpdateRatio()

    assert not findings(rule, weights(1))
    assert rule.looked == 0
    assert "two training steps" in rule.missing()


@pytest.mark.parametrize(("num_steps", "number"), [("None", 1), ("10", 1), ("9", 0)])
def test_num_steps_bounds_how_far_back_is_compared(num_steps: str, number: int) -> None:
    rule = WeightUpdateRatio.from_strings({"num_steps": num_steps})

    assert len(findings(rule, weights(1, 1, every=10))) == number


def test_validation_between_two_training_steps_does_not_count() -> None:
    first, last = weights(1, 2)
    (between,) = weights(2, mode=Mode.EVAL)

    assert not findings(WeightUpdateRatio(), [first, between, last])


def test_an_epsilon_of_ones_own_keeps_zero_weights_apart_and_needs_their_values() -> None:
    rule = WeightUpdateRatio.from_strings({"epsilon": "1"})

    assert rule.needs() == {WEIGHTS: {RAW}}
    assert not findings(rule, weights(0, 9))
    assert findings(WeightUpdateRatio(), weights(0, 9))


def test_a_frozen_layer_is_told_once_and_excused_in_the_advice() -> None:
    (found,) = findings(WeightUpdateRatio(), weights(1, 1, 1, 1))

    assert "frozen" in found.advice


def unchanged(**given: str) -> UnchangedTensor:
    return UnchangedTensor.from_strings({"collection_names": "weights", **given})


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ((1, 1), []),
        ((1, 1, 1), [2]),
        ((1, 1, 1, 1, 1), [2]),
        ((1, 2, 2, 3, 3, 3), [5]),
        ((1, 1, 1, 2, 2, 2), [2, 5]),
        ((1, 1 + 1e-4, 1 + 2e-4), []),
        ((1, 1 + 4e-6, 1 + 8e-6), [2]),
    ],
)
def test_three_saved_steps_alike_are_no_change(values: Sequence[float], steps: list[int]) -> None:
    run = weights(*values)

    from_values = findings(unchanged(), run)

    assert [one.step for one in from_values] == steps
    assert findings(unchanged(), as_statistics(run, unchanged().needs())) == from_values


def test_saved_steps_need_not_follow_each_other() -> None:
    assert findings(unchanged(num_steps="2"), weights(1, 1, every=500))


def test_other_tolerances_need_the_values_themselves() -> None:
    rule = unchanged(rtol="0.5")

    assert rule.needs() == {"weights": {RAW}}
    assert findings(rule, weights(1, 1.2, 1.4))


def test_nan_is_alike_only_when_asked_for() -> None:
    run = weights(np.nan, np.nan, np.nan)

    assert not findings(unchanged(), run)
    assert findings(unchanged(equal_nan="True"), run)


def test_validation_and_training_are_compared_each_with_its_own() -> None:
    rule = UnchangedTensor.from_strings({"tensor_regex": "^loss"})
    modes = [Mode.TRAIN, Mode.EVAL] * 3
    run = [
        step(n, raw("loss", 1 if mode is Mode.EVAL else n), mode=mode)
        for n, mode in enumerate(modes)
    ]

    assert [(one.step, one.mode) for one in findings(rule, run)] == [(5, "EVAL")]


def test_a_tensor_of_another_shape_has_changed() -> None:
    rule = UnchangedTensor.from_strings({"tensor_regex": "x", "num_steps": "2"})

    assert not findings(rule, [step(0, raw("x", [1, 1])), step(1, raw("x", [1]))])
    assert rule.looked == 1


def test_one_step_alone_cannot_be_compared() -> None:
    with pytest.raises(SettingsError, match="num_steps of rule UnchangedTensor"):
        unchanged(num_steps="1")
