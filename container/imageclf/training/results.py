"""What a training leaves in `output/data` for people and programs to read.

metrics.jsonl     one object an epoch
data.json         statistics of the data, and what was left out
evaluation.json   confusion, classes, calibration, worst mistakes of the kept epoch
summary.json      the outcome in a few figures
training-report.html  all of it on one page
report.html       the short page, with what debugger and profiler found
"""

import base64
import io
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from imageclf import artifact
from imageclf.data.dataset import DataSet, Item
from imageclf.data.decode import open_rgb
from imageclf.errors import ImageError
from imageclf.model import scores
from imageclf.report.joint import write_reports
from imageclf.training.evaluation import Predictions

log = logging.getLogger(__name__)

MISTAKES = 24
_THUMBNAIL_SIDE = 160


class Results:
    """The files of one training in `folder`; made when first written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def history(self, epochs: list[dict[str, float]]) -> None:
        """Write `metrics.jsonl`."""
        lines = "".join(json.dumps(entry) + "\n" for entry in epochs)
        artifact.replace(self._path("metrics.jsonl"), lines.encode())

    def data(self, data: DataSet) -> None:
        """Write `data.json`."""
        artifact.write_json(self._path("data.json"), data.statistics())

    def evaluation(self, content: Mapping[str, Any]) -> None:
        """Write `evaluation.json`."""
        artifact.write_json(self._path("evaluation.json"), content)

    def summary(self, content: Mapping[str, Any]) -> Path:
        """Write `summary.json`, and the pages on all that is there."""
        artifact.write_json(self._path("summary.json"), content)
        return write_reports(self.folder)

    def _path(self, name: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / name


def evaluation(
    split: str,
    items: tuple[Item, ...],
    predictions: Predictions,
    temperature: float,
    data: DataSet,
) -> dict[str, Any]:
    """The content of `evaluation.json` for the predictions of a split."""
    logits_nk, labels_n = predictions.logits_nk, predictions.labels_n
    confusion_kk = scores.confusion(logits_nk, labels_n)
    before = scores.reliability(logits_nk, labels_n)
    after = scores.reliability(logits_nk, labels_n, temperature)
    return {
        "split": split,
        "images": len(items),
        "confusion": confusion_kk.tolist(),
        "per_class": _classes(confusion_kk, data.classes),
        "metrics": asdict(predictions.scores()),
        "calibration": {
            "temperature": temperature,
            "ece_before": scores.calibration_error(before),
            "ece_after": scores.calibration_error(after),
            "bins": [asdict(one) for one in after],
        },
        "mistakes": _mistakes(items, predictions, temperature, data),
    }


def _classes(confusion_kk: scores.Ints, names: tuple[str, ...]) -> list[dict[str, Any]]:
    columns = (names, confusion_kk.sum(axis=1), *scores.per_class(confusion_kk))
    keys = ("class", "images", "precision", "recall", "f1")
    return [
        {key: value.item() if isinstance(value, np.generic) else value for key, value in pairs}
        for pairs in (zip(keys, row, strict=True) for row in zip(*columns, strict=True))
    ]


def _mistakes(
    items: tuple[Item, ...], predictions: Predictions, temperature: float, data: DataSet
) -> list[dict[str, Any]]:
    """The mistakes the network was surest of, worst first."""
    p_nk = softmax(predictions.logits_nk.astype(np.float64) / temperature, axis=1)
    predicted_n = p_nk.argmax(axis=1)
    wrong_m = np.flatnonzero(predicted_n != predictions.labels_n)
    worst_m = wrong_m[np.argsort(-p_nk[wrong_m, predicted_n[wrong_m]], kind="stable")]
    return [
        _mistake(items[place], int(predicted_n[place]), p_nk[place], data)
        for place in worst_m[:MISTAKES]
    ]


def _mistake(
    item: Item, predicted: int, p_k: npt.NDArray[np.float64], data: DataSet
) -> dict[str, Any]:
    return {
        "file": "/".join(item.path.parts[-3:]),
        "label": data.classes[item.label],
        "predicted": data.classes[predicted],
        "probability": float(p_k[predicted]),
        "label_probability": float(p_k[item.label]),
        "thumbnail": _thumbnail(item.path, data.max_megapixels),
    }


def _thumbnail(path: Path, max_megapixels: float) -> str:
    """A small JPEG in base64; empty when the file cannot be read any more."""
    side = (_THUMBNAIL_SIDE, _THUMBNAIL_SIDE)
    try:
        image = open_rgb(path, max_megapixels=max_megapixels, at_least=side)
    except ImageError as error:
        log.warning("no thumbnail of %s: %s", path, error)
        return ""
    image.thumbnail(side)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return base64.b64encode(stream.getvalue()).decode("ascii")
