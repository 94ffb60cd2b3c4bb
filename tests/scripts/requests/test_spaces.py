from typing import Any

import pytest

from imageclf import config
from imageclf.errors import SettingsError
from scripts.requests import spaces
from tests.scripts.requests_of import make_settings


def ranges(name: str) -> dict[str, Any]:
    return spaces.parameter_ranges(spaces.find(make_settings(tune__space=name)))


def own(**dimensions: Any) -> dict[str, Any]:
    return spaces.parameter_ranges(
        spaces.find(make_settings(spaces={"mine": dimensions}, tune__space="mine"))
    )


def test_the_first_preset_is_lr_units_and_epochs() -> None:
    assert ranges("lr-units-epochs") == {
        "ContinuousParameterRanges": [
            {"Name": "lr", "MinValue": "0.0001", "MaxValue": "0.1", "ScalingType": "Logarithmic"}
        ],
        "CategoricalParameterRanges": [{"Name": "units", "Values": ["256", "512", "1024"]}],
        "IntegerParameterRanges": [
            {"Name": "epochs", "MinValue": "1", "MaxValue": "6", "ScalingType": "Auto"}
        ],
    }


def test_the_second_preset_is_lr_and_powers_of_two_for_the_batch() -> None:
    found = ranges("lr-batch")
    assert found["ContinuousParameterRanges"][0]["MinValue"] == "0.001"
    assert found["CategoricalParameterRanges"] == [
        {"Name": "batch-size", "Values": ["32", "64", "128", "256", "512"]}
    ]
    assert found["IntegerParameterRanges"] == []


def test_the_third_preset_is_lr_a_few_batches_and_epochs() -> None:
    found = ranges("lr-batch-epochs")
    assert found["CategoricalParameterRanges"][0]["Values"] == ["32", "64", "128"]
    (epochs,) = found["IntegerParameterRanges"]
    assert (epochs["MinValue"], epochs["MaxValue"]) == ("2", "4")


@pytest.mark.parametrize("name", spaces.PRESETS)
def test_every_value_and_bound_of_a_preset_can_be_trained_with(name: str) -> None:
    for key, dimension in spaces.PRESETS[name].items():
        for value in dimension.values or (dimension.min, dimension.max):
            config.parse({key: spaces.text(value)})


def test_ones_own_space_takes_whole_numbers_numbers_and_words() -> None:
    found = own(
        lr={"min": 1e-5, "max": 0.01, "scale": "Logarithmic"},
        batch_size={"min": 8, "max": 64},
        optimizer={"values": ["adamw", "sgd"]},
        onnx={"values": [True, False]},
    )
    assert found["ContinuousParameterRanges"][0]["MinValue"] == "1e-05"
    assert found["IntegerParameterRanges"][0]["Name"] == "batch-size"
    assert [one["Values"] for one in found["CategoricalParameterRanges"]] == [
        ["adamw", "sgd"],
        ["true", "false"],
    ]


@pytest.mark.parametrize(
    ("dimension", "told"),
    [
        ({"lrr": {"min": 0.1, "max": 1}}, "Hyperparameter lrr is not known; did you mean lr"),
        ({"lr": {"min": 0.1, "max": 100}}, "Hyperparameter lr is '100'"),
        ({"dropout": {"min": 0, "max": 0.5, "scale": "Logarithmic"}}, "begins above 0"),
        ({"epochs": {"min": 1, "max": 3, "scale": "ReverseLogarithmic"}}, "to below 1"),
        ({"optimizer": {"min": 1, "max": 3}}, "optimizer is no number"),
        ({"optimizer": {"values": ["adamax"]}}, "Hyperparameter optimizer is 'adamax'"),
        ({"units": {"values": list(range(31))}}, "SageMaker takes 30 at most"),
        ({}, "The search space mine is empty"),
    ],
)
def test_a_space_that_training_would_refuse_is_refused(
    dimension: dict[str, Any], told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        own(**dimension)


def test_a_space_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match="'mine'; choose lr-units-epochs, lr-batch"):
        spaces.find(make_settings(tune__space="mine"))
