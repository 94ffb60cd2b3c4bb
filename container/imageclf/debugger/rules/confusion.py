"""Confusion: which classes a network takes for which others."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from imageclf.debugger import names
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.labels import NEEDS, classes, has_columns, pairs
from imageclf.debugger.rules.telling import at, finding
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.debugger.statistics import Values
from imageclf.errors import TensorsError
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import Maybe, RuleParameters

Matrix = npt.NDArray[np.int64]
"""Counts [K, K]: how often the class of the row was predicted as that of the column."""

_DRAWN = 64
"""Classes up to which a finding carries the whole matrix."""


class ConfusionParameters(RuleParameters):
    """As documented: tensors by name or by collection, and shares from 0 to 1."""

    category_no: Annotated[int | None, Maybe] = Field(None, ge=2)
    labels: str = names.LABELS_TENSOR
    predictions: str = names.PREDICTIONS_TENSOR
    labels_collection: str = names.LABELS
    predictions_collection: str = names.PREDICTIONS
    min_diag: float = Field(0.9, ge=0, le=1)
    max_off_diag: float = Field(0.1, ge=0, le=1)


class Confusion(Rule):
    """Fires when too few predictions of a class are right, or too many are of one other class.

    Of all predictions of a class, the share that is right must reach `min_diag`, and the share that
    belongs to any one other class must not exceed `max_off_diag`. (The guide divides the diagonal
    by the sum of the diagonal, which could reach 0.9 for no two classes at once; it is read as for
    the other elements, by columns.) Judged at the end, when the matrix is complete: that of the
    last validation pass, or of all steps of a run that has none.
    """

    name = "Confusion"
    Parameters = ConfusionParameters
    parameters: ConfusionParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._matrix: Matrix = _empty()
        self._last: SavedStep | None = None
        self._validated = False
        self._over = False
        """Whether the last validation pass is over, so that the next step of one begins another."""

    def needs(self) -> Needs:
        return NEEDS

    def look(self, step: SavedStep) -> Iterator[Finding]:
        validates = step.mode is Mode.EVAL
        if self._validated and not validates:
            self._over = True
            return
        for matrix in self._matrices(step):
            if validates and (self._over or not self._validated):
                self._matrix, self._validated, self._over = _empty(), True, False
            self._matrix, self._last = _sum(self._matrix, matrix), step
        yield from ()

    def finish(self) -> Iterator[Finding]:
        if self._last is not None:
            self.looked += 1
            yield from self._judge(self._last)

    def _matrices(self, step: SavedStep) -> Iterator[Matrix]:
        given = self.parameters
        labels = _tensors(step, given.labels, given.labels_collection)
        said = _tensors(step, given.predictions, given.predictions_collection)
        for actual, predicted in pairs(labels, said):
            if predicted is not None:
                yield self._of(actual, predicted)

    def _of(self, labels: Values, predictions: Values) -> Matrix:
        actual_b, said_b = classes(labels), classes(predictions)
        if len(actual_b) != len(said_b):
            raise TensorsError(
                f"There are {len(said_b)} predictions for {len(actual_b)} labels at one step; "
                "save both of the same batch."
            )
        widths = [values.shape[-1] for values in (labels, predictions) if has_columns(values)]
        found = max(int(actual_b.max(initial=0)), int(said_b.max(initial=0))) + 1
        size = self.parameters.category_no or max([found, *widths])
        if found > size or min(actual_b.min(initial=0), said_b.min(initial=0)) < 0:
            raise TensorsError(
                f"Class {found - 1} is none of the {size} that category_no allows, which count "
                "from 0; raise category_no or leave it out."
            )
        matrix = np.zeros((size, size), np.int64)
        np.add.at(matrix, (actual_b, said_b), 1)
        return matrix

    def _judge(self, step: SavedStep) -> Iterator[Finding]:
        matrix = self._matrix
        shares = matrix / np.maximum(matrix.sum(axis=0), 1)
        occurs = matrix.sum(axis=0) + matrix.sum(axis=1) > 0
        right = np.where(occurs, shares.diagonal(), 1.0)
        wrong = shares - np.diag(shares.diagonal())
        if (right < self.parameters.min_diag).any():
            yield self._too_few_right(step, matrix, right)
        if (wrong > self.parameters.max_off_diag).any():
            yield self._too_many_wrong(step, matrix, wrong)

    def _too_few_right(
        self, step: SavedStep, matrix: Matrix, right: npt.NDArray[np.float64]
    ) -> Finding:
        worst = int(right.argmin())
        bad = int((right < self.parameters.min_diag).sum())
        said = int(matrix[:, worst].sum())
        return finding(
            self,
            step,
            None,
            value=float(right[worst]),
            threshold=self.parameters.min_diag,
            found=(
                f"Of {said} predictions of class {worst} {at(step)}, {matrix[worst, worst]} are "
                f"right ({100 * right[worst]:.3g} %)"
                if said
                else f"Class {worst} is never predicted {at(step)}"
            )
            + f": less than {100 * self.parameters.min_diag:g} % are right; so it is with {bad} "
            f"of {len(matrix)} classes.",
            meaning="What the network says of these classes cannot be relied upon.",
            advice="Train longer while the loss falls; look whether labels belong to their "
            "pictures and whether batches are shuffled; raise image-size if details tell the "
            "classes apart.",
            details=_details(matrix),
        )

    def _too_many_wrong(
        self, step: SavedStep, matrix: Matrix, wrong: npt.NDArray[np.float64]
    ) -> Finding:
        actual, said = (int(each) for each in np.unravel_index(wrong.argmax(), wrong.shape))
        bad = int((wrong > self.parameters.max_off_diag).sum())
        return finding(
            self,
            step,
            None,
            value=float(wrong[actual, said]),
            threshold=self.parameters.max_off_diag,
            found=f"Of {matrix[:, said].sum()} predictions of class {said} {at(step)}, "
            f"{matrix[actual, said]} are of class {actual} ({100 * wrong[actual, said]:.3g} %), "
            f"more than {100 * self.parameters.max_off_diag:g} %; {bad} pairs of classes are.",
            meaning="The network takes one class for another.",
            advice="Look at pictures of both for wrong labels; add pictures of the class that is "
            "not recognised, or join the two if nothing tells them apart.",
            details=_details(matrix),
        )


def _tensors(step: SavedStep, name: str, collection: str) -> Iterator[Saved]:
    """Those called `name`, else those in `collection`."""
    named = [tensor for tensor in step.tensors if tensor.name == name]
    return iter(named or [each for each in step.tensors if collection in each.collections])


def _empty() -> Matrix:
    return np.zeros((0, 0), np.int64)


def _sum(*matrices: Matrix) -> Matrix:
    """The sum of matrices, each as large as the classes that were seen."""
    size = max(len(matrix) for matrix in matrices)
    total = np.zeros((size, size), np.int64)
    for matrix in matrices:
        total[: len(matrix), : len(matrix)] += matrix
    return total


def _details(matrix: Matrix) -> dict[str, object]:
    return {"confusion": matrix.tolist()} if len(matrix) <= _DRAWN else {}
