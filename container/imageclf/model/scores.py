"""How good predictions are: accuracy, F1, calibration. numpy only.

Shapes: `logits_nk` float [N, K]; `labels_n` int [N]; `confusion_kk` int [K, K], row the truth,
column the prediction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

_LOG_TEMPERATURE_BOUNDS = (-3.0, 3.0)


@dataclass(frozen=True)
class Scores:
    """The figures of one split."""

    loss: float
    top1: float
    top5: float
    f1: float


def score(logits_nk: Floats, labels_n: Ints) -> Scores:
    """Mean cross entropy, accuracy, top-5 accuracy (top-K below five classes), macro F1."""
    confusion_kk = confusion(logits_nk, labels_n)
    return Scores(
        loss=cross_entropy(logits_nk, labels_n),
        top1=float(np.trace(confusion_kk) / max(1, len(labels_n))),
        top5=top_share(logits_nk, labels_n, 5),
        f1=macro_f1(confusion_kk),
    )


def cross_entropy(logits_nk: Floats, labels_n: Ints, temperature: float = 1.0) -> float:
    """Mean negative log-likelihood of the truth, in nats."""
    log_p_nk = log_softmax(np.asarray(logits_nk, np.float64) / temperature, axis=1)
    return float(-np.mean(log_p_nk[np.arange(len(labels_n)), labels_n]))


def top_share(logits_nk: Floats, labels_n: Ints, k: int) -> float:
    """Share of rows whose truth is among the `k` highest logits."""
    truth_n1 = np.take_along_axis(logits_nk, labels_n[:, None], axis=1)
    higher_n = (logits_nk > truth_n1).sum(axis=1)
    return float(np.mean(higher_n < k))


def confusion(logits_nk: Floats, labels_n: Ints) -> Ints:
    """Counts by truth (row) and prediction (column)."""
    classes = logits_nk.shape[1]
    flat = labels_n * classes + logits_nk.argmax(axis=1)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def per_class(confusion_kk: Ints) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 of each class [K]; 0 where a class was never predicted or seen."""
    right_k = np.diag(confusion_kk).astype(np.float64)
    predicted_k, seen_k = confusion_kk.sum(axis=0), confusion_kk.sum(axis=1)
    precision_k = right_k / np.maximum(1, predicted_k)
    recall_k = right_k / np.maximum(1, seen_k)
    f1_k = 2 * right_k / np.maximum(1, predicted_k + seen_k)
    return precision_k, recall_k, f1_k


def macro_f1(confusion_kk: Ints) -> float:
    """Mean of the F1 scores of the classes that occur in truth or prediction."""
    occurs_k = (confusion_kk.sum(axis=0) + confusion_kk.sum(axis=1)) > 0
    f1_k = per_class(confusion_kk)[2]
    return float(f1_k[occurs_k].mean()) if occurs_k.any() else 0.0


def fit_temperature(logits_nk: Floats, labels_n: Ints) -> float:
    """The temperature T that minimises the cross entropy of softmax(logits / T).

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks". Bounded to 0.05 .. 20, so
    that a validation split without a mistake does not end in absolute certainty.
    """
    found = minimize_scalar(
        lambda log_t: cross_entropy(logits_nk, labels_n, float(np.exp(log_t))),
        bounds=_LOG_TEMPERATURE_BOUNDS,
        method="bounded",
    )
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Bin:
    """Predictions of like confidence."""

    confidence: float
    accuracy: float
    count: int


def reliability(
    logits_nk: Floats, labels_n: Ints, temperature: float = 1.0, bins: int = 10
) -> list[Bin]:
    """Mean confidence and accuracy in equal bins of the first class's probability."""
    p_nk = softmax(np.asarray(logits_nk, np.float64) / temperature, axis=1)
    confidence_n = p_nk.max(axis=1)
    right_n = p_nk.argmax(axis=1) == labels_n
    place_n = np.minimum((confidence_n * bins).astype(int), bins - 1)
    members = [place_n == place for place in range(bins)]
    return [
        Bin(float(confidence_n[m].mean()), float(right_n[m].mean()), int(m.sum()))
        for m in members
        if m.any()
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: mean gap between confidence and accuracy, by bin size."""
    total = sum(part.count for part in bins)
    return sum(part.count * abs(part.confidence - part.accuracy) for part in bins) / max(1, total)
