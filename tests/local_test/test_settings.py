import pytest

from imageclf.errors import SettingsError
from local_test.settings import Settings, parse_pairs, read


def test_nothing_given_means_digits_with_the_best_runner() -> None:
    assert read([], {}) == Settings("", {}, "auto", "imageclf:latest", resume=False)


def test_make_hands_its_variables_on_in_the_environment() -> None:
    environment = {
        "DATA": "../photos",
        "HP": "epochs=3 batch_size=8",
        "RUNNER": "process",
        "IMAGE": "mine:1",
        "RESUME": "1",
    }
    expected = Settings("../photos", {"epochs": "3", "batch-size": "8"}, "process", "mine:1", True)
    assert read([], environment) == expected


def test_flags_go_before_the_environment() -> None:
    assert read(["--data", "a", "--hp", "lr=1"], {"DATA": "b", "HP": "lr=2"}) == Settings(
        "a", {"lr": "1"}
    )


@pytest.mark.parametrize("value", ["", "0", "no", "false"])
def test_resume_can_be_switched_off_in_words(value: str) -> None:
    assert not read([], {"RESUME": value}).resume


def test_a_value_may_hold_blanks_in_quotes_and_equal_signs() -> None:
    assert parse_pairs("pretrained='my file=1.pth' epochs=3") == {
        "pretrained": "my file=1.pth",
        "epochs": "3",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epochs", "'epochs', which is not name=value"),
        ("=3", "not name=value"),
        ("epochs=3, lr", "'lr', which is"),
        ("batch-size=3 batch_size=4", "batch-size twice"),
        ("epochs='3", "quotation mark"),
    ],
)
def test_a_malformed_hp_is_told_with_the_part_that_is_wrong(text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        parse_pairs(text)
