import json

import numpy as np
import pytest

from imageclf.debugger.names import GRADIENTS, LOSSES
from imageclf.debugger.rules.exploding import ExplodingTensor
from tests.debugger.rules.steps import as_statistics, findings, raw, step, told

NAN, INF = np.nan, np.inf


def test_every_saved_tensor_is_looked_at_when_none_is_chosen() -> None:
    tensors = [raw("loss", NAN, LOSSES), raw("anything", [1, INF, -INF]), raw("fine", [1, 2])]

    found = findings(ExplodingTensor(), [step(3, *tensors)])

    assert [(one.tensor, one.value) for one in found] == [("loss", 1), ("anything", 2)]
    assert found[1].found == "anything holds 2 infinite values at step 3."


@pytest.mark.parametrize(
    ("values", "only_nan", "number"),
    [
        ([1e38, -1e38], "False", 0),
        ([INF], "False", 1),
        ([-INF], "True", 0),
        ([INF, -INF], "True", 0),
        ([NAN, 1], "True", 1),
        ([1, 2], "True", 0),
    ],
)
def test_infinity_explodes_unless_only_nan_counts(
    values: list[float], only_nan: str, number: int
) -> None:
    steps = [step(0, raw("gradient/w", values, GRADIENTS))]
    given = {"only_nan": only_nan}

    assert len(findings(ExplodingTensor.from_strings(given), steps)) == number
    counted = as_statistics(steps, ExplodingTensor().needs())
    assert len(findings(ExplodingTensor.from_strings(given), counted)) == number
    smdebugs = as_statistics(steps, {GRADIENTS: frozenset({"abs_mean"})})
    assert len(findings(ExplodingTensor.from_strings(given), smdebugs)) == number


@pytest.mark.parametrize(
    ("chosen", "tensors"),
    [
        ({"collection_names": "losses"}, ["loss"]),
        ({"tensor_regex": ".*gradient"}, ["gradient/w"]),
        ({"collection_names": "losses, biases", "tensor_regex": "^gradient,^fc"}, None),
    ],
)
def test_collections_and_patterns_choose_the_union(
    chosen: dict[str, str], tensors: list[str] | None
) -> None:
    all_ill = [raw("loss", NAN, LOSSES), raw("gradient/w", NAN, GRADIENTS), raw("fc.b", NAN)]

    found = findings(ExplodingTensor.from_strings(chosen), [step(0, *all_ill)])

    assert [one.tensor for one in found] == (tensors or ["loss", "gradient/w", "fc.b"])


def test_what_stays_nan_is_told_once() -> None:
    steps = [step(n, raw("loss", NAN, LOSSES)) for n in range(5)]

    assert [one.step for one in findings(ExplodingTensor(), steps)] == [0]


def test_a_variance_of_one_value_or_an_empty_tensor_has_not_exploded() -> None:
    of_one = told("a", std=NAN, variance=NAN, prod=INF, l1=3.0)

    assert not findings(ExplodingTensor(), [step(0, of_one, raw("empty", np.empty((0, 3))))])


def test_findings_are_json_that_a_browser_reads() -> None:
    (found,) = findings(ExplodingTensor(), [step(0, raw("x", [NAN, INF]))])

    json.dumps(found.as_json(), allow_nan=False)
