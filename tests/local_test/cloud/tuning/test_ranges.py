import math
from typing import Any

import pytest

from local_test.cloud.errors import ApiError
from local_test.cloud.tuning import ranges
from local_test.cloud.tuning.ranges import Categorical, Numeric, Scale


def continuous(low: str, high: str, **more: str) -> dict[str, Any]:
    one = {"Name": "lr", "MinValue": low, "MaxValue": high, **more}
    return {"ContinuousParameterRanges": [one]}


def integer(low: str, high: str, **more: str) -> dict[str, Any]:
    one = {"Name": "epochs", "MinValue": low, "MaxValue": high, **more}
    return {"IntegerParameterRanges": [one]}


def test_all_three_kinds_are_read() -> None:
    given = {
        **continuous("0.0001", "0.1", ScalingType="Logarithmic"),
        **integer("1", "6", ScalingType="Linear"),
        "CategoricalParameterRanges": [{"Name": "units", "Values": ["256", "512"]}],
    }
    assert ranges.read(given) == (
        Categorical("units", ("256", "512")),
        Numeric("lr", 0.0001, 0.1, Scale.LOGARITHMIC),
        Numeric("epochs", 1, 6, Scale.LINEAR, integer=True),
    )


@pytest.mark.parametrize(
    ("low", "high", "scale"),
    [("0.0001", "0.1", Scale.LOGARITHMIC), ("0.1", "0.9", Scale.LINEAR), ("0", "9", Scale.LINEAR)],
)
def test_the_scale_auto_is_logarithmic_for_several_orders_of_magnitude(
    low: str, high: str, scale: Scale
) -> None:
    (found,) = ranges.read(continuous(low, high, ScalingType="Auto"))
    assert isinstance(found, Numeric)
    assert found.scale is scale


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (continuous("0.1", "0.1"), "less than"),
        (continuous("one", "2"), "a number"),
        (continuous("nan", "2"), "a number"),
        (continuous("0", "1", ScalingType="Logarithmic"), "greater than 0"),
        (continuous("0", "1", ScalingType="ReverseLogarithmic"), "0<=x<1"),
        (integer("1", "2.5"), "an integer"),
        (integer("1", "5", ScalingType="ReverseLogarithmic"), "not supported for integer"),
        ({"CategoricalParameterRanges": [{"Name": "a", "Values": ["1", "1"]}]}, "unique"),
    ],
)
def test_a_range_that_cannot_be_searched_is_refused_by_name(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ApiError, match=said) as refusal:
        ranges.read(given)
    assert refusal.value.code == "ValidationException"


def test_a_hyperparameter_with_two_ranges_is_refused() -> None:
    twice = {**continuous("0", "1"), "CategoricalParameterRanges": [{"Name": "lr", "Values": "1"}]}
    with pytest.raises(ApiError, match="lr has more than one range"):
        ranges.read(twice)


def test_more_ranges_than_aws_searches_are_refused() -> None:
    many = [{"Name": f"p{number}", "Values": ["a"]} for number in range(30)]
    with pytest.raises(ApiError) as refusal:
        ranges.read({**continuous("0", "1"), "CategoricalParameterRanges": many})
    assert refusal.value.code == "ResourceLimitExceeded"


def test_values_are_text_as_a_training_gets_it() -> None:
    whole = Numeric("epochs", 1, 6, Scale.LINEAR, integer=True)
    real = Numeric("lr", 1e-5, 0.1, Scale.LINEAR)
    assert (whole.text(3.0), real.text(0.05), real.text(1e-5)) == ("3", "0.05", "1e-05")
    assert real.text(0.1 + 1e-17) == "0.1"


def test_a_value_outside_of_the_range_is_none_of_it() -> None:
    whole = Numeric("epochs", 1, 6, Scale.LINEAR, integer=True)
    assert [whole.number(text) for text in ("6", "7", "2.5", "many")] == [6, None, None, None]


def test_combinations_are_counted() -> None:
    units = Categorical("units", ("256", "512"))
    epochs = Numeric("epochs", 1, 6, Scale.LINEAR, integer=True)
    assert ranges.combinations([units, epochs]) == 12
    assert ranges.combinations([units, Numeric("lr", 0, 1, Scale.LINEAR)]) == math.inf
