import pytest

from imageclf.config import parse
from imageclf.model.architecture import names
from imageclf.model.defaults import Machine, resolve

OLD_CPU = Machine(accelerator=False, bf16=False)
NEW_CPU = Machine(accelerator=False, bf16=True)
OLD_GPU = Machine(accelerator=True, bf16=False, fp16=True)
NEW_GPU = Machine(accelerator=True, bf16=True, fp16=True)


def test_nothing_that_learning_needs_stays_open() -> None:
    for architecture in names():
        chosen = resolve(parse({"architecture": architecture}), NEW_GPU).as_strings()
        still_open = {name for name, value in chosen.items() if value == "auto"}
        assert still_open == {"device", "processes", "workers"}, architecture


def test_what_is_chosen_is_what_could_have_been_given() -> None:
    for train in ("head", "all"):
        for optimizer in ("adamw", "adam", "sgd", "rmsprop"):
            given = parse({"train": train, "optimizer": optimizer, "epochs": "1"})
            chosen = resolve(given, OLD_CPU)
            assert parse(chosen.as_strings()) == chosen


def test_what_was_given_stays() -> None:
    given = {
        "image-size": "48",
        "batch-size": "7",
        "lr": "0.5",
        "weight-decay": "0",
        "warmup": "0",
        "batch-norm": "frozen",
        "precision": "fp32",
        "channels-last": "false",
    }
    chosen = resolve(parse(given), NEW_GPU)
    assert chosen == parse(given)


@pytest.mark.parametrize(
    ("machine", "precision"),
    [(OLD_CPU, "fp32"), (NEW_CPU, "bf16"), (OLD_GPU, "fp16"), (NEW_GPU, "bf16")],
)
def test_the_arithmetic_is_the_fastest_the_machine_has(machine: Machine, precision: str) -> None:
    assert resolve(parse({}), machine).precision == precision


@pytest.mark.parametrize(("architecture", "side"), [("resnet50", 224), ("inception_v3", 299)])
def test_pictures_have_the_size_of_the_architecture(architecture: str, side: int) -> None:
    assert resolve(parse({"architecture": architecture}), OLD_CPU).image_size == side


def test_a_fresh_head_learns_faster_than_pretrained_layers() -> None:
    for optimizer in ("adamw", "adam", "sgd", "rmsprop"):
        head, tuned, fresh = (
            resolve(parse({"optimizer": optimizer, **more}), OLD_CPU).lr or 0.0
            for more in ({"train": "head"}, {"train": "all"}, {"pretrained": "none"})
        )
        assert head > tuned
        assert fresh > tuned


@pytest.mark.parametrize(("epochs", "warmup"), [("1", 0.1), ("5", 0.5), ("10", 1.0), ("90", 1.0)])
def test_the_warm_up_is_a_tenth_and_an_epoch_at_most(epochs: str, warmup: float) -> None:
    assert resolve(parse({"epochs": epochs}), OLD_CPU).warmup == pytest.approx(warmup)


def test_only_adamw_and_sgd_decay_weights_by_themselves() -> None:
    decays = {
        optimizer: resolve(parse({"optimizer": optimizer}), OLD_CPU).weight_decay
        for optimizer in ("adamw", "adam", "sgd", "rmsprop")
    }
    assert decays == {"adamw": 0.02, "adam": 0.0, "sgd": 1e-4, "rmsprop": 0.0}


def test_batches_are_larger_where_pictures_are_small_or_there_is_a_gpu() -> None:
    sizes = [
        resolve(parse({"image-size": side}), machine).batch_size
        for side, machine in (("224", OLD_CPU), ("64", OLD_CPU), ("224", NEW_GPU))
    ]
    assert sizes == [32, 64, 64]
