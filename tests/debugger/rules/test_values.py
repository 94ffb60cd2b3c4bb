import numpy as np
import pytest

from imageclf.debugger.names import WEIGHTS
from imageclf.debugger.rules.values import AllZero, TensorVariance
from imageclf.errors import SettingsError
from tests.debugger.rules.steps import as_statistics, findings, raw, step


@pytest.mark.parametrize(
    ("zeros", "threshold", "number"),
    [(100, "100", 1), (99, "100", 0), (79, "80", 0), (80, "80", 1), (81, "80", 1)],
)
def test_the_threshold_itself_is_enough_zeros(zeros: int, threshold: str, number: int) -> None:
    values = np.ones(100)
    values[:zeros] = 0
    given = {"collection_names": "weights", "threshold": threshold}
    steps = [step(2, raw("fc.weight", values, WEIGHTS))]

    from_values = findings(AllZero.from_strings(given), steps)

    assert [one.value for one in from_values] == [zeros] * number
    reduced = as_statistics(steps, AllZero.from_strings(given).needs())
    assert findings(AllZero.from_strings(given), reduced) == from_values


@pytest.mark.parametrize("rule", [AllZero, TensorVariance])
def test_a_rule_that_was_told_no_tensors_says_so(rule: type[AllZero | TensorVariance]) -> None:
    made = rule()

    assert not findings(made, [step(0, raw("fc.weight", [0, 0], WEIGHTS))])
    assert made.looked == 0
    assert "give it collection_names or tensor_regex" in made.missing()


@pytest.mark.parametrize(
    ("bounds", "side"),
    [
        ({"max_threshold": "3.99"}, "above"),
        ({"max_threshold": "4"}, ""),
        ({"min_threshold": "4"}, ""),
        ({"min_threshold": "4.01"}, "below"),
        ({"max_threshold": "None", "min_threshold": "5"}, "below"),
    ],
)
def test_a_variance_outside_its_bounds_is_found(bounds: dict[str, str], side: str) -> None:
    steps = [step(0, raw("fc.weight", [-2.0, 2.0], WEIGHTS))]
    given = {"tensor_regex": ".*weight", **bounds}

    from_values = findings(TensorVariance.from_strings(given), steps)

    assert [side in one.found for one in from_values] == [True] * bool(side)
    reduced = as_statistics(steps, TensorVariance.from_strings(given).needs())
    assert findings(TensorVariance.from_strings(given), reduced) == from_values


def test_a_variance_without_bounds_is_a_mistake_that_is_told() -> None:
    rule = TensorVariance.from_strings({"collection_names": "weights"})

    assert not findings(rule, [step(0, raw("fc.weight", [1.0, 2.0], WEIGHTS))])
    assert rule.looked == 0
    assert "max_threshold or min_threshold" in rule.missing()


def test_a_pattern_that_is_none_is_refused_in_a_sentence() -> None:
    with pytest.raises(SettingsError, match=r"tensor_regex of rule AllZero.*regular expression"):
        AllZero.from_strings({"tensor_regex": "fc(weight"})


def test_commas_part_patterns_but_not_what_is_in_braces() -> None:
    rule = AllZero.from_strings({"tensor_regex": r"layer\d{1,2}$, ^fc"})
    zeros = [raw(name, [0.0]) for name in ("layer12", "layer123", "fc", "other")]

    assert [one.tensor for one in findings(rule, [step(0, *zeros)])] == ["layer12", "fc"]
