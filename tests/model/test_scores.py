import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics as reference

from imageclf.model import scores

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Split = tuple[Floats, Ints]


def split(count: int = 400, classes: int = 8, seed: int = 0, skill: float = 1.0) -> Split:
    """Logits that know something of their labels; not every class need occur."""
    draw = np.random.default_rng(seed)
    labels_n = draw.integers(0, classes, count)
    logits_nk = draw.normal(size=(count, classes))
    logits_nk[np.arange(count), labels_n] += skill
    return logits_nk, labels_n


def probabilities(logits_nk: Floats) -> Floats:
    exponents_nk = np.exp(logits_nk)
    result: Floats = exponents_nk / exponents_nk.sum(axis=1, keepdims=True)
    return result


SPLITS = pytest.mark.parametrize(
    "given",
    [split(), split(count=12, classes=30, seed=1), split(classes=2, seed=2), split(5, 3, 3, -5.0)],
    ids=["usual", "absent classes", "two classes", "mostly wrong"],
)


@SPLITS
def test_the_figures_are_those_of_scikit_learn(given: Split) -> None:
    logits_nk, labels_n = given
    every = np.arange(logits_nk.shape[1])
    predicted_n = logits_nk.argmax(axis=1)
    found = scores.score(logits_nk, labels_n)
    assert found.loss == pytest.approx(
        reference.log_loss(labels_n, probabilities(logits_nk), labels=every)
    )
    assert found.top1 == pytest.approx(reference.accuracy_score(labels_n, predicted_n))
    assert found.f1 == pytest.approx(reference.f1_score(labels_n, predicted_n, average="macro"))
    assert (
        scores.confusion(logits_nk, labels_n)
        == reference.confusion_matrix(labels_n, predicted_n, labels=every)
    ).all()


@pytest.mark.parametrize("k", [1, 2, 5, 7])
def test_the_share_among_the_first_k_is_that_of_scikit_learn(k: int) -> None:
    logits_nk, labels_n = split()
    expected = reference.top_k_accuracy_score(labels_n, logits_nk, k=k, labels=np.arange(8))
    assert scores.top_share(logits_nk, labels_n, k) == pytest.approx(expected)


def test_below_five_classes_every_truth_is_among_the_first_five() -> None:
    assert scores.score(*split(classes=3)).top5 == 1.0


@SPLITS
def test_figures_of_each_class_are_those_of_scikit_learn(given: Split) -> None:
    logits_nk, labels_n = given
    expected: Any = reference.precision_recall_fscore_support(
        labels_n, logits_nk.argmax(axis=1), labels=np.arange(logits_nk.shape[1]), zero_division=0
    )
    found = scores.per_class(scores.confusion(logits_nk, labels_n))
    for ours_k, theirs_k in zip(found, expected[:3], strict=True):
        assert ours_k == pytest.approx(theirs_k)


def test_perfect_and_utterly_wrong_predictions_have_finite_figures() -> None:
    labels_n = np.arange(6) % 3
    sure_nk = np.eye(3)[labels_n] * 1e4
    for logits_nk, top1 in ((sure_nk, 1.0), (-sure_nk, 0.0)):
        for kind in (np.float32, np.float64):
            found = scores.score(logits_nk.astype(kind), labels_n)
            assert found.top1 == top1
            assert math.isfinite(found.loss)
            temperature = scores.fit_temperature(logits_nk.astype(kind), labels_n)
            assert 0.04 < temperature < 21


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_scaling_of_the_logits(factor: float) -> None:
    draw = np.random.default_rng(4)
    logits_nk = draw.normal(size=(20_000, 5)) * 2
    p_nk = probabilities(logits_nk)
    labels_n = (p_nk.cumsum(axis=1) > draw.random((len(p_nk), 1))).argmax(axis=1)
    assert scores.fit_temperature(logits_nk * factor, labels_n) == pytest.approx(factor, rel=0.05)


def test_the_temperature_never_makes_validation_worse() -> None:
    for seed in range(5):
        logits_nk, labels_n = split(seed=seed, skill=3.0)
        temperature = scores.fit_temperature(logits_nk, labels_n)
        calibrated = scores.cross_entropy(logits_nk, labels_n, temperature)
        assert calibrated <= scores.cross_entropy(logits_nk, labels_n) + 1e-9


def test_bins_hold_the_predictions_of_like_confidence() -> None:
    logits_nk = np.log([[0.95, 0.05], [0.05, 0.95], [0.62, 0.38], [0.55, 0.45], [0.45, 0.55]])
    bins = scores.reliability(logits_nk, np.array([0, 0, 0, 1, 1]), bins=10)
    assert [(part.count, round(part.confidence, 4), part.accuracy) for part in bins] == [
        (2, 0.55, 0.5),
        (1, 0.62, 1.0),
        (2, 0.95, 0.5),
    ]
    assert scores.calibration_error(bins) == pytest.approx((2 * 0.05 + 0.38 + 2 * 0.45) / 5)


def test_every_prediction_is_in_one_bin_certainty_included() -> None:
    logits_nk, labels_n = split(skill=60.0)
    logits_nk[0] = [1000.0] + [0.0] * 7
    for temperature in (0.05, 1.0, 20.0):
        bins = scores.reliability(logits_nk, labels_n, temperature)
        assert sum(part.count for part in bins) == len(labels_n)
        assert all(0 < part.confidence <= 1 and 0 <= part.accuracy <= 1 for part in bins)


def test_calibration_lowers_the_gap_between_confidence_and_accuracy() -> None:
    logits_nk, labels_n = split(count=4000, skill=1.0)
    overconfident_nk = logits_nk * 4
    temperature = scores.fit_temperature(overconfident_nk, labels_n)
    before = scores.calibration_error(scores.reliability(overconfident_nk, labels_n))
    after = scores.calibration_error(scores.reliability(overconfident_nk, labels_n, temperature))
    assert after < before / 2
