"""Labels by class, and which class is taken for which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imageclf.debugger import names
from imageclf.debugger.report.picture import Picture
from imageclf.debugger.report.reading import Reader
from imageclf.debugger.saved import Mode, Saved
from imageclf.debugger.statistics import Values
from imageclf.report import figures
from imageclf.report.heatmap import heat_map
from imageclf.rules.finding import Finding

TABLE_CLASSES = 20
"""Up to so many classes the confusion matrix is a table, above that a heat map."""

MAX_CLASSES = 1000

FREQUENT_CONFUSIONS = 20

LISTED = 20
"""Of more than three times as many classes, so many of the most, least and worst are shown."""


@dataclass(frozen=True)
class ClassBar:
    """One class: labels seen, as a share of the most, and the share that was predicted wrong."""

    name: str
    seen: int
    of_most: float
    wrong: float | None


def class_balance(findings: Sequence[Finding], class_names: Sequence[str]) -> list[Picture]:
    """How often each class was seen and predicted wrong, by the last finding that tells."""
    told = [(one, counts) for one in findings if (counts := _counts(one, "class_counts"))]
    if not told:
        return []
    finding, counts = told[-1]
    wrong = _counts(finding, "wrong")
    most = max(counts.values()) or 1
    bars = [
        ClassBar(_class_name(key, class_names), seen, seen / most, _share(wrong.get(key), seen))
        for key, seen in counts.items()
    ]
    heading = f"Labels by class, up to step {finding.step}"
    note = ""
    if len(bars) > 3 * LISTED:
        note = f"The {LISTED} most frequent, rarest and most often wrong of {len(bars):,} classes."
    return [Picture("bars", heading, _telling(bars), note=note)]


def confusion(
    reader: Reader, findings: Sequence[Finding], class_names: Sequence[str]
) -> list[Picture]:
    """The matrix that the first finding tells, else that of the labels saved at its step."""
    told = [(one, one.details.get("confusion")) for one in findings]
    finding, given = next((each for each in told if each[1]), (findings[0], None))
    matrix = _square(given) if given else _of_step(reader, finding)
    if matrix is None:
        return []
    shares = figures.row_shares(matrix)
    called = [_class_name(str(row), class_names) for row in range(len(matrix))]
    is_table = len(matrix) <= TABLE_CLASSES
    content = {
        "names": called,
        "matrix": matrix if is_table else None,
        "shares": shares.tolist() if is_table else None,
        "heat_map": None if is_table else heat_map(f"Confusion of {len(matrix)} classes", shares),
        "frequent": figures.frequent_confusions(matrix, called, FREQUENT_CONFUSIONS),
    }
    note = "Each row is a true class, each column what the network said; blue is right."
    is_pass = finding.mode == Mode.EVAL.name
    heading = f"Confusion {'in the validation at' if is_pass else 'up to'} step {finding.step}"
    return [Picture("confusion", heading, content, note=note)]


def _counts(finding: Finding, name: str) -> dict[str, int]:
    given = finding.details.get(name)
    if not isinstance(given, Mapping):
        return {}
    return {str(key): int(count) for key, count in given.items() if isinstance(count, int | float)}


def _share(wrong: int | None, seen: int) -> float | None:
    return wrong / seen if wrong is not None and seen else None


def _class_name(key: str, class_names: Sequence[str]) -> str:
    known = key.isdecimal() and int(key) < len(class_names)
    return class_names[int(key)] if known else f"class {key}"


def _telling(bars: list[ClassBar]) -> list[ClassBar]:
    """The most frequent first; of many those that tell most."""
    by_count = sorted(bars, key=lambda one: -one.seen)
    if len(bars) <= 3 * LISTED:
        return by_count
    worst = sorted(bars, key=lambda one: -(one.wrong or 0))[:LISTED]
    kept = {one.name for one in (*by_count[:LISTED], *by_count[-LISTED:], *worst)}
    return [one for one in by_count if one.name in kept]


def _square(given: Any) -> list[list[int]] | None:
    """A matrix as a rule told it, if it is one."""
    if not isinstance(given, list) or len(given) > MAX_CLASSES:
        return None
    whole = all(
        isinstance(row, list)
        and len(row) == len(given)
        and all(isinstance(count, int) for count in row)
        for row in given
    )
    return given if whole else None


def _of_step(reader: Reader, finding: Finding) -> list[list[int]] | None:
    step = next((one for one in reader.steps if one.number == finding.step), None)
    if step is None:
        return None
    labels = [_classes(reader, one) for one in step.select(names.LABELS)]
    said = [_classes(reader, one) for one in step.select(names.PREDICTIONS)]
    pairs = [
        (actual, predicted)
        for actual, predicted in zip(labels, said, strict=False)
        if actual is not None and predicted is not None and len(actual) == len(predicted) > 0
    ]
    return _counted(pairs) if pairs else None


def _counted(pairs: Sequence[tuple[Values, Values]]) -> list[list[int]] | None:
    everything = np.concatenate([values for pair in pairs for values in pair])
    if everything.min() < 0 or everything.max() >= MAX_CLASSES:
        return None
    size = int(everything.max()) + 1
    matrix = np.zeros((size, size), np.int64)
    for actual, predicted in pairs:
        np.add.at(matrix, (actual, predicted), 1)
    counted: list[list[int]] = matrix.tolist()
    return counted


def _classes(reader: Reader, tensor: Saved) -> Values | None:
    values = reader.look(tensor, lambda copy: copy.values)
    if values is None:
        return None
    if values.ndim > 1 and values.shape[-1] > 1:
        values = values.argmax(axis=-1)
    return np.nan_to_num(values.ravel()).astype(np.int64)
