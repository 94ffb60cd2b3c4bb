import math
from typing import Any

import pytest
from pydantic import ValidationError

from imageclf import config
from imageclf.config import Hyperparameters, parse
from imageclf.errors import SettingsError

CHANGED: dict[str, str] = {
    "architecture": "inception_v3",
    "pretrained": "weights",
    "train": "last-block",
    "unfreeze-every": "2",
    "units": "256",
    "dropout": "0.25",
    "batch-norm": "frozen",
    "epochs": "30",
    "batch-size": "128",
    "optimizer": "sgd",
    "lr": "3e-05",
    "momentum": "0.8",
    "weight-decay": "0.0",
    "schedule": "constant",
    "warmup": "2.5",
    "label-smoothing": "0.1",
    "mixup": "0.2",
    "class-weights": "balanced",
    "clip-norm": "1.0",
    "early-stop-patience": "5",
    "select-by": "f1",
    "image-size": "299",
    "crop-share": "1.0",
    "augment": "strong",
    "data-fraction": "0.5",
    "validation-split": "0.3",
    "test-split": "0.1",
    "max-bad-share": "0.0",
    "max-megapixels": "50.0",
    "seed": "2147483647",
    "device": "cpu",
    "precision": "bf16",
    "channels-last": "false",
    "processes": "2",
    "workers": "0",
    "checkpoint-minutes": "0.5",
    "onnx": "false",
    "debug": "standard",
    "debug-interval": "50",
    "debug-actions": "stop",
    "profile": "on",
    "profile-interval": "250",
    "profile-rules": "step_outlier",
    "profile-actions": "stop",
}
"""Another value than the default for every hyperparameter, as a request has it."""

AUTOMATIC = sorted(
    config.kebab(name)
    for name, field in Hyperparameters.model_fields.items()
    if field.default is None
)


def fault(**values: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        parse(values)
    return str(caught.value)


def test_every_hyperparameter_is_taken_as_the_string_that_sagemaker_sends() -> None:
    assert CHANGED.keys() == set(config.names())
    parsed = parse(CHANGED).as_strings()
    assert parsed == CHANGED
    assert all(parsed[name] != value for name, value in parse({}).as_strings().items())


@pytest.mark.parametrize("values", [{}, CHANGED], ids=["defaults", "all changed"])
def test_written_as_strings_and_read_again_nothing_changes(values: dict[str, str]) -> None:
    parsed = parse(values)
    assert parse(parsed.as_strings()) == parsed


def test_values_have_the_type_their_name_promises() -> None:
    parsed = parse({"epochs": "3", "lr": "1e-3", "channels-last": "True", "batch-size": "16"})
    assert (parsed.epochs, parsed.lr, parsed.channels_last, parsed.batch_size) == (
        3,
        1e-3,
        True,
        16,
    )


def test_names_may_have_underscores() -> None:
    assert parse({"batch_size": "16", "early_stop_patience": "3"}).batch_size == 16


def test_strings_quoted_by_a_tuner_are_unquoted() -> None:
    parsed = parse(
        {"optimizer": '"sgd"', "lr": '"0.01"', "batch-size": ' "64" ', "device": '"auto"'}
    )
    assert (parsed.optimizer, parsed.lr, parsed.batch_size, parsed.device) == (
        "sgd",
        0.01,
        64,
        "auto",
    )


def test_a_quoted_path_is_unquoted_as_the_json_that_it_is() -> None:
    assert parse({"pretrained": r'"/data/gr\u00fcn \"1\".pth"'}).pretrained == '/data/grün "1".pth'
    assert parse({"pretrained": r'"C:\weights"'}).pretrained == r"C:\weights"


@pytest.mark.parametrize("name", AUTOMATIC)
@pytest.mark.parametrize("value", ["auto", "Auto", '"auto"'])
def test_auto_leaves_the_choice(name: str, value: str) -> None:
    assert parse({name: value}) == parse({})


def test_auto_is_refused_where_there_is_nothing_to_choose() -> None:
    assert "epochs is 'auto'" in fault(epochs="auto")


def test_all_faults_are_told_together() -> None:
    message = fault(epochs="0", lr="fast", optimizer="lion", epoch="3", crop_share="1.5")
    for part in ("epochs is '0'", "lr is 'fast'", "optimizer is 'lion'", "epoch is not known"):
        assert part in message
    assert "crop-share is '1.5'" in message
    assert "'adamw', 'adam', 'sgd' or 'rmsprop'" in message


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("batchsize", "batch-size"),
        ("batch_sze", "batch-size"),
        ("Epochs", "epochs"),
        ("learning-rate", "lr"),
        ("learning_rate", "lr"),
        ("optimiser", "optimizer"),
        ("early-stopping-patience", "early-stop-patience"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_known(name: str, nearest: str) -> None:
    assert fault(**{name: "1"}).endswith(f"is not known; did you mean {nearest}?")


def test_a_name_like_no_other_is_answered_with_all_names() -> None:
    message = fault(zzz="1")
    assert all(name in message for name in config.names())


def test_one_value_under_both_spellings_is_taken() -> None:
    assert parse({"batch-size": "16", "batch_size": '"16"'}).batch_size == 16


def test_two_values_under_both_spellings_are_refused() -> None:
    message = fault(**{"batch-size": "16", "batch_size": "32", "epochs": "0"})
    assert "batch-size and batch_size" in message
    assert "'16'" in message and "'32'" in message
    assert "epochs is '0'" in message


def test_what_the_platform_adds_is_no_hyperparameter() -> None:
    platform = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": '"s3://bucket/code"',
        "_tuning_objective_metric": "validation:top1",
    }
    assert parse(platform) == parse({})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"validation-split": "0.5", "test-split": "0.5"}, "less than 5 % to train on"),
        ({"warmup": "3", "epochs": "2"}, "warmup of 3 epochs is longer than epochs"),
        ({"precision": "fp16", "device": "cpu"}, "fp16 needs a GPU"),
    ],
)
def test_values_that_contradict_each_other_are_refused(values: dict[str, str], reason: str) -> None:
    message = fault(**values)
    assert message.startswith("Hyperparameters do not fit together: ")
    assert reason in message


@pytest.mark.parametrize(
    "value",
    ["", " ", "nan", "inf", "-1", "1e400", "0x10", "1,5", "None", "[1]", "; rm -rf /", "9" * 2500],
)
@pytest.mark.parametrize("name", ["lr", "batch-size"])
def test_no_value_but_a_number_in_bounds_is_taken_for_one(name: str, value: str) -> None:
    assert f"Hyperparameter {name} is " in fault(**{name: value})


@pytest.mark.parametrize("value", [[1], {"a": 1}, object()])
def test_values_that_are_no_text_are_refused_too(value: Any) -> None:
    assert "Hyperparameter units is " in fault(units=value)


def test_a_message_stays_short_and_on_one_line_whatever_was_sent() -> None:
    for values in ({"lr": "x\n" * 1250}, {"y\n" * 128: "1"}, {"lr_" * 80: "1" * 2500}):
        message = fault(**values)
        assert len(message) < 1024
        assert "\n" not in message


def test_parsed_hyperparameters_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        parse({}).epochs = 3


def test_the_table_has_a_row_for_every_hyperparameter() -> None:
    rows = {name: row for name, *row in config.table()}
    assert rows.keys() == set(config.names())
    for name, (values, default, description) in rows.items():
        assert values and description, name
        assert default == parse({}).as_strings()[name]
    assert rows["optimizer"][0] == "adamw, adam, sgd, rmsprop"
    assert rows["lr"][0] == "number, above 0 to 10"
    assert rows["momentum"][0] == "number, from 0 to below 1"
    assert rows["batch-size"][0] == "whole number, from 1 to 65536"


@pytest.mark.parametrize("row", list(config.table()), ids=lambda row: str(row[0]))
def test_the_default_lies_within_what_the_table_says(row: tuple[str, str, str, str]) -> None:
    name, _, default, _ = row
    value = getattr(parse({name: default}), name.replace("-", "_"))
    assert value is None or not isinstance(value, float) or math.isfinite(value)
