"""What the files of the platform ask for, read as smdebug reads them."""

from typing import Any

import pytest

from imageclf.debugger.hook import hook_config
from imageclf.debugger.hook.hook_config import When
from imageclf.errors import SettingsError


def collection(name: str, **parameters: Any) -> dict[str, Any]:
    plain = {key.replace("__", "."): value for key, value in parameters.items()}
    return {"CollectionName": name, "CollectionParameters": plain}


def parsed(*collections: dict[str, Any], **hook_parameters: Any) -> hook_config.HookConfig:
    content = {
        "S3Path": "s3://bucket/tensors",
        "LocalPath": "/opt/ml/output/tensors",
        "HookParameters": {key.replace("__", "."): value for key, value in hook_parameters.items()},
        "CollectionConfigurations": list(collections),
    }
    return hook_config.parse(content, {})


def test_no_file_asks_for_nothing() -> None:
    assert not hook_config.parse({}, {}).asks


@pytest.mark.parametrize(
    "content",
    [
        {"LocalPath": "/opt/ml/output/tensors", "CollectionConfigurations": []},
        {"LocalPath": "/opt/ml/output/tensors"},
        {"CollectionConfigurations": None, "HookParameters": None},
        {"HookParameters": {"save_interval": "100"}},
    ],
)
def test_what_an_sdk_sends_unasked_switches_nothing_on(content: dict[str, Any]) -> None:
    assert not hook_config.parse(content, {}).asks


def test_a_collection_says_when_and_what_in_the_text_that_sagemaker_sends() -> None:
    (one,) = parsed(
        collection(
            "convs",
            include_regex="layer1, ^fc",
            save_interval="20",
            start_step="5",
            end_step="100",
            save_steps="1, 2,3",
            reductions="mean,abs_max,l1_norm,abs_l2_norm",
        )
    ).collections
    assert one.include_regex == ("layer1", "^fc")
    assert one.statistics == {"mean", "abs_max", "l1", "abs_l2"}
    when = When(**one.train)
    assert (when.save_interval, when.start_step, when.end_step) == (20, 5, 100)
    assert when.save_steps == (1, 2, 3)


def test_without_reductions_the_values_themselves_are_saved_as_smdebug_does() -> None:
    (one,) = parsed(collection("weights")).collections
    assert one.statistics == {"raw"}
    (both,) = parsed(collection("weights", reductions="mean", save_raw_tensor="true")).collections
    assert both.statistics == {"raw", "mean"}


def test_reductions_of_the_hook_hold_for_collections_without_their_own() -> None:
    first, second = parsed(
        collection("weights"), collection("biases", reductions="max"), reductions="min,std"
    ).collections
    assert first.statistics == {"min", "std"}
    assert second.statistics == {"max"}


def test_a_mode_says_more_than_the_plain_name() -> None:
    (one,) = parsed(collection("losses", save_interval="50", train__save_interval="7")).collections
    assert one.train == {"save_interval": 7}


def test_validation_is_thinned_out_only_when_it_is_named() -> None:
    plain, named = parsed(
        collection("losses", save_interval="50"), collection("labels", eval__save_interval="2")
    ).collections
    assert plain.evaluation == {}
    assert named.evaluation == {"save_interval": 2}


def test_all_workers_save_when_asked() -> None:
    assert not parsed(collection("losses")).all_workers
    assert parsed(collection("losses"), include_workers="all").all_workers


def test_tensors_can_be_chosen_for_the_hook_as_a_whole() -> None:
    everything, chosen = parsed(
        save_all="True", include_regex="relu,tanh", reductions="mean"
    ).collections
    assert (everything.name, everything.include_regex) == ("all", (".*",))
    assert (chosen.name, chosen.include_regex) == ("default", ("relu", "tanh"))
    assert everything.statistics == chosen.statistics == {"mean"}


def test_tensorboard_is_written_where_the_platform_says() -> None:
    there = hook_config.parse({}, {"LocalPath": "/opt/ml/output/boards", "S3Path": "s3://b/c"})
    assert there.asks
    assert there.tensorboard == "/opt/ml/output/boards"
    assert hook_config.parse({}, {"S3Path": "s3://b"}).tensorboard == "/opt/ml/output/tensorboard"
    assert parsed(collection("losses"), export_tensorboard="true").tensorboard is not None
    assert parsed(collection("losses")).tensorboard is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"CollectionConfigurations": {}}, "CollectionConfigurations is {}"),
        ({"CollectionConfigurations": [{}]}, "CollectionConfigurations.0.CollectionName"),
        ({"CollectionConfigurations": [collection("mine")]}, "mine is not built in"),
        (
            {"CollectionConfigurations": [collection("mine", include_regex="(")]},
            r"include_regex '\(' is no regular expression",
        ),
        (
            {"CollectionConfigurations": [collection("weights", reductions="median")]},
            "asks for reduction 'median'; there are abs_l1",
        ),
        (
            {"CollectionConfigurations": [collection("weights", save_interval="0")]},
            "collection weights: save_interval is '0'",
        ),
        (
            {"CollectionConfigurations": [collection("weights", train__save_interval="often")]},
            "collection weights: save_interval is 'often'",
        ),
        (
            {"CollectionConfigurations": [collection("weights", save_steps="1,x")]},
            "collection weights: save_steps.1 is 'x'",
        ),
        ({"HookParameters": {"include_workers": "some"}}, "include_workers is 'some'; give one"),
        ({"HookParameters": {"save_all": "perhaps"}}, "HookParameters: save_all is 'perhaps'"),
        ({"HookParameters": {"start_step": "-1"}}, "HookParameters: start_step is '-1'"),
        ({"LocalPath": 5}, "LocalPath is 5"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(content: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=f"debughookconfig.json.*{sentence}"):
        hook_config.parse(content, {})
