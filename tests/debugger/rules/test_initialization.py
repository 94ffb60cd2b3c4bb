import json
from collections.abc import Sequence

import numpy as np
import pytest

from imageclf.debugger.names import GRADIENTS, LOSSES, RELU_INPUT
from imageclf.debugger.rules.initialization import PoorWeightInitialization
from imageclf.debugger.saved import Mode, Saved
from tests.debugger.rules.steps import as_statistics, findings, raw, step


def relu_input(name: str, variance: float) -> Saved:
    spread = variance**0.5
    return raw(f"{name}.relu_input_0", [-spread, spread], RELU_INPUT)


def gradient(width: float) -> Saved:
    """Its 5th and 95th percentile are `width` apart."""
    return raw("gradient/w", np.linspace(-width / 1.8, width / 1.8, 101), GRADIENTS)


def poor(**given: str) -> PoorWeightInitialization:
    return PoorWeightInitialization.from_strings(given)


@pytest.mark.parametrize(("largest", "number"), [(9.99, 0), (10.01, 1), (1e9, 1)])
def test_layers_whose_inputs_vary_ten_times_as_much_as_others_are_found(
    largest: float, number: int
) -> None:
    tensors = [relu_input("a", 1), relu_input("b", largest), relu_input("c", 2)]
    steps = [step(0, *tensors), step(1, *tensors)]

    from_values = findings(poor(), steps)

    assert [(one.step, one.tensor) for one in from_values] == [(0, "b.relu_input_0")] * number
    assert findings(poor(), as_statistics(steps, poor().needs())) == from_values


def test_a_layer_that_does_not_vary_at_all_is_as_far_apart_as_can_be() -> None:
    (found,) = findings(poor(), [step(0, relu_input("a", 1), relu_input("b", 0))])

    assert found.value > 1e300
    json.dumps(found.as_json(), allow_nan=False)


@pytest.mark.parametrize(("width", "number"), [(0.00099, 1), (0.00101, 0)])
def test_a_gradient_that_is_hardly_spread_out_is_found(width: float, number: int) -> None:
    steps = [step(0, gradient(width)), step(1, gradient(width))]

    from_values = findings(poor(), steps)

    assert [one.tensor for one in from_values] == ["gradient/w"] * number
    assert findings(poor(), as_statistics(steps, poor().needs())) == from_values


def test_a_bias_before_a_normalisation_says_nothing_of_the_weights() -> None:
    bias = raw("gradient/conv.bias", [1e-9, 2e-9], GRADIENTS)
    wide = raw("gradient/conv.weight", [-1, 1], GRADIENTS)
    narrow = raw("gradient/conv.weight", [1e-9, 2e-9], GRADIENTS)

    assert not findings(poor(), [step(0, bias, wide)])
    assert findings(poor(), [step(0, bias, narrow)])


@pytest.mark.parametrize(("learning", "number"), [(1.0, 0), (0.0, 1)])
def test_a_kernel_of_which_only_the_middle_learns_is_no_poor_one(
    learning: float, number: int
) -> None:
    kernel = np.zeros((8, 8, 5, 5))
    kernel[:, :, 2, 2] = learning
    kernel[0, 0] += 1e-11
    steps = [step(0, raw("gradient/w", kernel, GRADIENTS))]

    from_values = findings(poor(), steps)

    assert len(from_values) == number
    assert findings(poor(), as_statistics(steps, poor().needs())) == from_values


@pytest.mark.parametrize(
    ("losses", "found_at"),
    [
        ((3, 3, 3, 3, 3), []),
        ((3, 3, 3, 3, 3, 3), [5]),
        ((3, 3, 3, 3, 3, 2.99, 3, 3, 3, 3), []),
        ((3, 4, 5, 6, 7, 8, 9, 9, 9), [5]),
        ((3, np.nan, np.nan, np.nan, np.nan, np.nan), []),
    ],
)
def test_a_loss_that_does_not_come_down_is_found(
    losses: Sequence[float], found_at: list[int]
) -> None:
    steps = [step(n, raw("loss", value, LOSSES)) for n, value in enumerate(losses)]

    from_values = findings(poor(), steps)

    assert [one.step for one in from_values] == found_at
    assert findings(poor(), as_statistics(steps, poor().needs())) == from_values


def test_only_the_first_saved_training_steps_count() -> None:
    well = [
        step(n, relu_input("a", 1), relu_input("b", 1), raw("loss", 1 / (n + 1), LOSSES))
        for n in range(0, 100, 10)
    ]
    ill = step(100, relu_input("a", 1), relu_input("b", 100))
    validation = step(5, relu_input("a", 1), relu_input("b", 100), mode=Mode.EVAL)

    assert not findings(poor(), [*well, ill, validation])
    assert findings(poor(steps="11"), [*well, ill])


def test_smdebugs_programs_without_modes_are_judged_too() -> None:
    ill = step(0, relu_input("a", 1), relu_input("b", 100), mode=Mode.GLOBAL)

    assert findings(poor(), [ill])


def test_what_a_network_without_relus_has_is_judged() -> None:
    rule = poor()

    assert not findings(rule, [step(0, gradient(1), raw("loss", 1, LOSSES))])
    assert rule.looked == 1
