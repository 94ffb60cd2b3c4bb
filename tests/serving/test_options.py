from typing import Any

import pytest

from imageclf.errors import RequestError
from imageclf.serving.options import Options, read_attributes, read_options


def fault(given: dict[str, Any]) -> str:
    with pytest.raises(RequestError) as caught:
        read_options(given, top_k=5)
    assert (caught.value.status, caught.value.reason) == (400, "bad-option")
    return str(caught.value)


def test_without_options_the_settings_decide() -> None:
    assert read_options({}, top_k=7) == Options(top_k=7, threshold=0.0)
    assert read_options({"top_k": None}, top_k=7).top_k == 7


@pytest.mark.parametrize("top_k", [3, "3", 3.0, " 3 "])
@pytest.mark.parametrize("name", ["top_k", "top-k", "Top-K"])
def test_numbers_may_be_text_and_names_have_hyphens(name: str, top_k: Any) -> None:
    assert read_options({name: top_k, "threshold": "0.25"}, top_k=5) == Options(
        top_k=3, threshold=0.25
    )


def test_the_later_one_of_two_wins() -> None:
    assert read_options({"top-k": 1, "top_k": 2}, top_k=5).top_k == 2


def test_an_unknown_option_is_answered_with_the_nearest_known() -> None:
    assert "did you mean top_k?" in fault({"topk": 3})
    assert "did you mean threshold?" in fault({"treshold": 0.2})
    assert "known are top_k and threshold" in fault({"colour": "red"})


@pytest.mark.parametrize("top_k", [0, -1, 1001, 2.5, True, "many", "", [], {}, 10**30, "\ud800"])
def test_classes_are_counted_from_1_to_1000(top_k: Any) -> None:
    assert fault({"top_k": top_k}).startswith("Option top_k is ")


@pytest.mark.parametrize("threshold", [-0.1, 1.1, "nan", "inf", False, "half", [0.1]])
def test_a_threshold_is_a_probability(threshold: Any) -> None:
    assert fault({"threshold": threshold}).startswith("Option threshold is ")


def test_all_faults_are_named_at_once() -> None:
    said = fault({"topk": 3, "threshold": 2})
    assert "'topk'" in said
    assert "threshold is 2" in said


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", {}),
        ("top_k=3,threshold=0.2", {"top_k": "3", "threshold": "0.2"}),
        (' top_k = "3" ; threshold=0.2; ', {"top_k": "3", "threshold": "0.2"}),
        ('{"top_k": 3}', {"top_k": 3}),
        ("c000b4f9-df62-4c85-a0bf-7c525f9104a4", {}),
        ("some words of the caller's own", {}),
        ("trace=1", {"trace": "1"}),
    ],
)
def test_custom_attributes_are_options_or_the_callers_own_text(
    text: str, options: dict[str, Any]
) -> None:
    assert read_attributes(text) == options


@pytest.mark.parametrize("text", ["{top_k: 3}", "{", '{"top_k": NaN}', "top_k=3,threshold"])
def test_attributes_that_are_neither_are_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_attributes(text)
    assert caught.value.reason == "bad-option"
