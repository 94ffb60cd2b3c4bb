"""How good a model is on a folder of pictures: each of its networks, and all of them together."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imageclf.artifact import AnyManifest
from imageclf.data.dataset import Item
from imageclf.data.layout import class_folders, display_names, find_layout
from imageclf.errors import DataError, ImageError
from imageclf.model.scores import Scores, score
from imageclf.serving.predictor import LARGEST_BATCH, Predictor, Views

_SMALLEST_PROBABILITY = 1e-12  # its logarithm is finite
_SHOWN = 3


@dataclass(frozen=True)
class Pictures:
    """Labelled pictures of a split: `test`, `validation`, or `all` of a folder without splits."""

    split: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Measured:
    """The figures of one network, or of all together."""

    name: str
    images: int
    scores: Scores

    def figures(self, split: str) -> dict[str, float]:
        """The figures by name, as in a training's metrics."""
        return {f"{split}:{name}": value for name, value in asdict(self.scores).items()}


def find_pictures(root: Path, manifest: AnyManifest) -> Pictures:
    """The pictures below `root`: of the test split, else of validation, else all there are.

    Raises:
        DataError: there are none, or they have classes that the model lacks.
    """
    splits = find_layout(root).splits()
    split = next(name for name in ("test", "validation", "train") if name in splits)
    folders = [folder for folder in class_folders(splits[split], splits.values()) if folder.files]
    labels = _labels([folder.name for folder in folders], manifest)
    items = tuple(
        Item(path, label)
        for folder, label in zip(folders, labels, strict=True)
        for path in folder.files
    )
    if not items:
        raise DataError(f"{splits[split]} holds no pictures; give a folder with one a class.")
    return Pictures("all" if split == "train" else split, items)


def _labels(folders: Sequence[str], manifest: AnyManifest) -> list[int]:
    """The model's class of each folder, by the training folders' names, else by the shown ones."""
    shown = display_names(folders)
    for names, known in ((folders, manifest.folders), (shown, manifest.classes)):
        if set(names) <= set(known):
            return [known.index(name) for name in names]
    strangers = [name for name in folders if name not in manifest.folders]
    raise DataError(
        f"The model does not know the class {', '.join(strangers[:_SHOWN])} of the data; "
        "give pictures of the classes it was trained on."
    )


def measure(predictor: Predictor, names: Sequence[str], pictures: Pictures) -> list[Measured]:
    """The figures of each network of `predictor`, called `names`, and last those of `ensemble`.

    Files that are no usable pictures do not count.
    """
    parts, labels = [], []
    for start in range(0, len(pictures.items), LARGEST_BATCH):
        views, found = _views(predictor, pictures.items[start : start + LARGEST_BATCH])
        parts.append(predictor.each(views))
        labels += found
    if not labels:
        raise DataError("None of the files in the data folder is a usable picture.")
    each_mnk, labels_n = np.concatenate(parts, axis=1), np.array(labels, np.int64)
    rows = [*zip(names, each_mnk, strict=True), ("ensemble", predictor.mean(each_mnk))]
    return [Measured(name, len(labels_n), _score(p_nk, labels_n)) for name, p_nk in rows]


def table(measured: Sequence[Measured]) -> str:
    """The figures as text for people, a line each."""
    width = max(len(row.name) for row in measured)
    lines = [f"{'model':{width}}  images  top-1   top-5   macro F1  loss"]
    for row in measured:
        s = row.scores
        lines.append(
            f"{row.name:{width}}  {row.images:6}  {s.top1:.4f}  {s.top5:.4f}  {s.f1:.4f}    "
            f"{s.loss:.4f}"
        )
    return "\n".join(lines) + "\n"


def _views(predictor: Predictor, items: Sequence[Item]) -> tuple[list[Views], list[int]]:
    views, labels = [], []
    for item in items:
        try:
            views.append(predictor.view(item.path))
        except ImageError:
            continue
        labels.append(item.label)
    return views, labels


def _score(p_nk: npt.NDArray[np.float32], labels_n: npt.NDArray[np.int64]) -> Scores:
    logits_nk = np.log(np.maximum(p_nk.astype(np.float64), _SMALLEST_PROBABILITY))
    return score(logits_nk, labels_n)
