"""Labels and predictions as rules read them, and ClassImbalance.

Both are class numbers [B]. Labels may be one-hot or soft [B, K], and predictions scores [B, K]: the
class is then the one with the largest value.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydantic import Field

from imageclf.debugger import names
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.selection import Patterns, Selection
from imageclf.debugger.rules.telling import Spells, at, finding, is_training
from imageclf.debugger.saved import Saved, SavedStep
from imageclf.debugger.statistics import RAW, Values
from imageclf.errors import TensorsError
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

Classes = npt.NDArray[np.int64]

LABELS_REGEX = ".*labels"
PREDICTIONS_REGEX = ".*predictions"

NEEDS: Needs = {names.LABELS: frozenset({RAW}), names.PREDICTIONS: frozenset({RAW})}

_SAMPLES_A_CLASS = 50
_SHOWN = 5


def classes(values: Values) -> Classes:
    """The class numbers [B] in `values`, which are such numbers or have a column for each class."""
    if values.ndim > 1 and values.shape[-1] > 1:
        values = values.argmax(axis=-1)
    return values.ravel().astype(np.int64)


def has_columns(values: Values) -> bool:
    """Whether there is a column for each class."""
    return values.ndim > 1 and values.shape[-1] > 1


def pairs(
    labels: Iterator[Saved], predictions: Iterator[Saved]
) -> Iterator[tuple[Values, Values | None]]:
    """Labels with the predictions of the same worker, in order; None where there are none."""
    given: dict[str, list[Values]] = {}
    for tensor in predictions:
        if tensor.values is not None:
            given.setdefault(tensor.worker, []).append(tensor.values)
    for tensor in labels:
        if tensor.values is not None and tensor.values.size:
            mine = given.get(tensor.worker, [])
            yield tensor.values, mine.pop(0) if mine else None


def selection(regex: str | None, documented: str, collection: str) -> Selection:
    """What `regex` finds, and `collection` too while it is the documented default."""
    collections = (collection,) if regex in {None, documented} else ()
    return Selection.of(",".join(collections), regex)


class ClassImbalanceParameters(RuleParameters):
    """As documented. `samples` is 500 for up to ten classes; see ClassImbalance for more."""

    threshold_imbalance: float = Field(10.0, ge=1)
    threshold_misprediction: float = Field(0.7, ge=0, le=1)
    samples: int = Field(500, ge=1)
    argmax: bool = False
    labels_regex: Patterns = LABELS_REGEX
    predictions_regex: Patterns = PREDICTIONS_REGEX


class ClassImbalance(Rule):
    """Fires when classes are seen too unevenly often, or one is predicted wrong too often.

    All labels and predictions of the run count, once there are `samples` of them; how often classes
    come is judged by the labels of training alone once there are `samples` of those. Unless given,
    `samples` grows by 50 for each class beyond ten: the guide says that it has to grow, and that
    500 is for ten. A class that is only ever predicted counts as seen never.
    """

    name = "ClassImbalance"
    Parameters = ClassImbalanceParameters
    parameters: ClassImbalanceParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        given = self.parameters
        self._labels = selection(given.labels_regex, LABELS_REGEX, names.LABELS)
        self._said = selection(given.predictions_regex, PREDICTIONS_REGEX, names.PREDICTIONS)
        self._seen: Counter[int] = Counter()
        self._trained: Counter[int] = Counter()
        self._judged: Counter[int] = Counter()
        self._wrong: Counter[int] = Counter()
        self._spells = Spells()

    def needs(self) -> Needs:
        return NEEDS

    def look(self, step: SavedStep) -> Iterator[Finding]:
        before = self._seen.total()
        for labels, predictions in pairs(self._labels.tensors(step), self._said.tensors(step)):
            self._count(labels, predictions, training=is_training(step))
        if self._seen.total() == before or self._seen.total() < self._enough:
            return
        self.looked += 1
        yield from self._imbalance(step)
        yield from self._mispredictions(step)

    def missing(self) -> str:
        return "" if self._seen else super().missing()

    @property
    def _enough(self) -> int:
        """How many labels there must be."""
        if "samples" in self.parameters.model_fields_set:
            return self.parameters.samples
        return max(self.parameters.samples, _SAMPLES_A_CLASS * len(self._seen))

    def _count(self, labels: Values, predictions: Values | None, *, training: bool) -> None:
        actual_b = classes(labels)
        self._seen.update(actual_b.tolist())
        if training:
            self._trained.update(actual_b.tolist())
        if predictions is None:
            return
        said_b = self._classes_said(predictions)
        if len(said_b) != len(actual_b):
            raise TensorsError(
                f"There are {len(said_b)} predictions for {len(actual_b)} labels at one step; "
                "save both of the same batch."
            )
        self._seen.update(dict.fromkeys(said_b.tolist(), 0))
        self._judged.update(actual_b.tolist())
        self._wrong.update(dict.fromkeys(actual_b.tolist(), 0))
        self._wrong.update(actual_b[said_b != actual_b].tolist())

    def _classes_said(self, predictions: Values) -> Classes:
        if has_columns(predictions) and not self.parameters.argmax:
            raise TensorsError(
                f"The predictions have {predictions.shape[-1]} values for each picture; "
                "set argmax=True to take the class with the largest."
            )
        return classes(predictions)

    def _imbalance(self, step: SavedStep) -> Iterator[Finding]:
        counts, kind = self._seen, "labels"
        if self._trained.total() >= self._enough:
            counts, kind = Counter({k: self._trained[k] for k in self._seen}), "labels of training"
        (most, largest), (least, smallest) = _extremes(counts)
        ratio = largest / max(smallest, 1)
        threshold = self.parameters.threshold_imbalance
        if not self._spells.begins("imbalance", ratio > threshold):
            return
        total = counts.total()
        found = f"Of {total} {kind} seen {at(step)}, {largest} are of class {most} and {smallest} "
        found += f"of class {least}: a ratio of {ratio:.3g}, more than {threshold:g}."
        if not smallest and most == least:
            found = f"All {total} {kind} seen {at(step)} are of class {most}."
        yield finding(
            self,
            step,
            None,
            value=ratio,
            threshold=threshold,
            found=found,
            meaning="The network learns to say the frequent class, or the classes come one after "
            "the other and it forgets those before.",
            advice="Look whether the pictures are shuffled and lie in the right folders; set "
            "class-weights=balanced and select-by=f1, or add pictures of the rare classes.",
            details={"class_counts": _by_name(counts)},
        )

    def _mispredictions(self, step: SavedStep) -> Iterator[Finding]:
        threshold = self.parameters.threshold_misprediction
        shares = {each: self._wrong[each] / seen for each, seen in self._judged.items()}
        bad = [each for each, share in shares.items() if share > threshold]
        new = [each for each in shares if self._spells.begins(each, each in bad)]
        if not new:
            return
        worst = max(bad, key=lambda each: shares[each])
        yield finding(
            self,
            step,
            None,
            value=shares[worst],
            threshold=threshold,
            found=f"Of {self._judged[worst]} pictures of class {worst} seen {at(step)}, "
            f"{100 * shares[worst]:.3g} % were predicted wrong, more than {100 * threshold:g} %; "
            f"{len(bad)} of {len(shares)} classes are above that"
            f"{_listed(bad) if len(bad) > 1 else ''}.",
            meaning="These classes are not learned: too rare, too like another, or labelled wrong.",
            advice="Set class-weights=balanced if they are rare; look at their pictures and "
            "labels; train longer if the loss still falls.",
            details={"class_counts": _by_name(self._judged), "wrong": _by_name(self._wrong)},
        )


def _by_name(counts: Counter[int]) -> dict[str, int]:
    """As JSON takes it, in the order of the classes."""
    return {str(each): counts[each] for each in sorted(counts)}


def _extremes(counts: Counter[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The most frequent class and the rarest, each with its count; the lower number if equal.

    Of a single class nothing else was seen: it is the rarest too, with a count of 0.
    """
    most = min(counts, key=lambda each: (-counts[each], each))
    least = min(counts, key=lambda each: (counts[each], each))
    return (most, counts[most]), (least, counts[least] if len(counts) > 1 else 0)


def _listed(bad: list[int]) -> str:
    more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return f" ({', '.join(map(str, sorted(bad)[:_SHOWN]))}{more})"
