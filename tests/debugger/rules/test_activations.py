import numpy as np
import numpy.typing as npt
import pytest

from imageclf.debugger.names import RELU_OUTPUT, SATURATING_INPUT
from imageclf.debugger.rules.activations import DeadRelu, SaturatedActivation
from imageclf.debugger.statistics import RAW, SATURATION_SIGMOID, SATURATION_TANH
from tests.debugger.rules.steps import as_statistics, findings, raw, step, told

Pictures = npt.NDArray[np.float32]


def alive(share: float, pictures: int = 100) -> Pictures:
    """Outputs of one channel [B, 1, 2, 2] of which `share` are above zero."""
    values = np.zeros(pictures * 4, dtype=np.float32)
    values[: round(share * values.size)] = 1
    return values.reshape(pictures, 1, 2, 2)


def layer(*shares: float) -> Pictures:
    return np.concatenate([alive(share) for share in shares], axis=1)


@pytest.mark.parametrize(
    ("shares", "number"),
    [
        ((0, 0, 0, 1), 1),
        ((0, 0, 1, 1), 0),
        ((0.0075, 0.0075, 0.0075, 1), 1),
        ((0.01, 0.01, 0.01, 1), 0),
        ((1, 1, 1, 1), 0),
    ],
)
def test_more_than_half_the_channels_must_be_active_less_than_one_per_cent(
    shares: tuple[float, ...], number: int
) -> None:
    steps = [step(4, raw("Net_relu_output_0", layer(*shares), RELU_OUTPUT))]

    from_values = findings(DeadRelu(), steps)

    assert len(from_values) == number
    assert findings(DeadRelu(), as_statistics(steps, DeadRelu().needs())) == from_values


def test_the_dead_are_counted_for_the_reader() -> None:
    (found,) = findings(DeadRelu(), [step(4, raw("layer1.relu_output_0", layer(0, 0, 0, 1)))])

    assert found.found == (
        "3 of 4 ReLUs of layer1.relu_output_0 (75.0 %) are active for less than 1 % of their "
        "inputs at step 4."
    )
    assert (found.value, found.threshold) == (75, 50)


def test_features_of_a_linear_layer_are_units_too() -> None:
    features = np.zeros((8, 10), dtype=np.float32)
    features[0, :4] = 1

    (found,) = findings(DeadRelu(), [step(0, raw("fc_relu_output_0", features))])

    assert found.details == {"dead": 6, "units": 10}


def test_a_relu_without_relu_in_its_name_is_known_by_its_type() -> None:
    dead = layer(0, 0)

    assert findings(DeadRelu(), [step(0, raw("features.1_output_0", dead, RELU_OUTPUT))])
    own = DeadRelu.from_strings({"tensor_regex": "^other"})
    assert not findings(own, [step(0, raw("features.1_output_0", dead, RELU_OUTPUT))])
    assert own.looked == 0


def test_the_documented_pattern_asks_the_hook_for_relus_alone() -> None:
    assert DeadRelu().needs() == {RELU_OUTPUT: {"activity"}}
    given = {"tensor_regex": ".*relu_output|.*ReLU_output"}
    assert DeadRelu.from_strings(given).needs() == DeadRelu().needs()
    assert DeadRelu.from_strings({"tensor_regex": "^act"}).needs() == {"all": {"activity"}}


@pytest.mark.parametrize("rule", [DeadRelu, SaturatedActivation])
def test_a_network_without_such_layers_is_not_called_an_omission(
    rule: type[DeadRelu | SaturatedActivation],
) -> None:
    made = rule()

    assert not findings(made, [step(0, raw("fc.weight", [1.0], "weights"))])
    assert made.looked == 0
    assert "the network has no" in made.missing()


def test_thresholds_of_ones_own_count() -> None:
    steps = [step(0, raw("relu_output_0", layer(0.04, 0.06, 0.06, 0.06)))]
    given = {"threshold_inactivity": "5", "threshold_layer": "24.9"}

    assert len(findings(DeadRelu.from_strings(given), steps)) == 1
    assert not findings(DeadRelu.from_strings({**given, "threshold_layer": "25"}), steps)


def inputs(value: float, saturated: int, of: int) -> Pictures:
    """Inputs [100, of] of nodes of which the first are at `value`, the others at 0."""
    values = np.zeros((100, of), dtype=np.float32)
    values[:, :saturated] = value
    return values


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("tanh_input_0", 9.499, 0),
        ("tanh_input_0", 9.501, 1),
        ("tanh_input_0", -9.501, 1),
        ("sigmoid_input_0", 16.9, 0),
        ("sigmoid_input_0", 17.1, 1),
        ("sigmoid_input_0", -22.9, 0),
        ("sigmoid_input_0", -23.1, 1),
    ],
)
def test_tanh_and_sigmoid_have_bounds_of_their_own(name: str, value: float, number: int) -> None:
    steps = [step(0, raw(name, inputs(value, 3, 4), SATURATING_INPUT))]

    from_values = findings(SaturatedActivation(), steps)

    assert len(from_values) == number
    needs = SaturatedActivation().needs()
    assert findings(SaturatedActivation(), as_statistics(steps, needs)) == from_values


def test_half_the_nodes_may_be_saturated() -> None:
    half = step(0, raw("tanh_input_0", inputs(20, 2, 4)))
    more = step(1, raw("tanh_input_0", inputs(20, 3, 4)))

    assert [one.step for one in findings(SaturatedActivation(), [half, more])] == [1]


@pytest.mark.parametrize(("within", "number"), [(0.0, 1), (0.009, 1), (0.01, 0), (0.02, 0)])
def test_a_node_is_saturated_when_less_than_one_per_cent_is_within_bounds(
    within: float, number: int
) -> None:
    share = np.float32(1 - within)
    tensor = told("Net_tanh_input_0", SATURATING_INPUT, saturation_tanh=[share, share])

    assert len(findings(SaturatedActivation(), [step(0, tensor)])) == number


def test_other_bounds_need_the_values_themselves() -> None:
    rule = SaturatedActivation.from_strings({"threshold_tanh_max": "3", "threshold_tanh_min": "-3"})

    assert rule.needs() == {SATURATING_INPUT: {RAW}}
    assert findings(rule, [step(0, raw("tanh_input_0", inputs(4, 4, 4)))])
    assert not findings(rule, [step(1, told("tanh_input_0", saturation_tanh=[1, 1]))])


def test_a_layer_without_a_telling_name_is_what_the_hook_says() -> None:
    tanh = told("features.1_input_0", SATURATING_INPUT, saturation_tanh=[1.0, 1.0])
    sigmoid = told("features.3_input_0", SATURATING_INPUT, saturation_sigmoid=[1.0, 1.0])

    found = findings(SaturatedActivation(), [step(0, tanh, sigmoid)])

    assert ["tanh nodes" in one.found for one in found] == [True, False]
    assert SaturatedActivation().needs() == {
        SATURATING_INPUT: {SATURATION_TANH, SATURATION_SIGMOID}
    }
