"""A checked data set: what training reads, and what is said of it in log and report."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

SHOWN_IN_LOG = 20
"""Files left out that the log names; the report names them all."""


class Item(NamedTuple):
    """One picture and the index of its class."""

    path: Path
    label: int


class LeftOut(NamedTuple):
    """A file that is not used: its place below the data folder, a short reason, a sentence."""

    file: str
    reason: str
    detail: str


@dataclass(frozen=True)
class DataSet:
    """The pictures of all splits, in a fixed order; made by `imageclf.data.checked.load_data`.

    `classes` are shown, `folders` are their folders' names; both are in label order. The
    `fingerprint` is of classes, contents, labels, splits and order, wherever the files lie.
    `figures` are the statistics of sizes, formats, modes and bytes.
    """

    classes: tuple[str, ...]
    folders: tuple[str, ...]
    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    test: tuple[Item, ...]
    fingerprint: str
    max_megapixels: float
    split: str
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)

    def class_counts(self) -> tuple[int, ...]:
        """Training pictures of each class, in label order."""
        return self._counts(self.train)

    def statistics(self) -> dict[str, Any]:
        """What the report shows, ready for JSON."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            "fingerprint": self.fingerprint,
            "classes": list(self.classes),
            "split": self.split,
            "images": {
                split: dict(zip(self.classes, self._counts(items), strict=True))
                for split, items in splits.items()
            },
            **self.figures,
            "left_out": [item._asdict() for item in self.left_out],
            "warnings": list(self.warnings),
        }

    def summary_lines(self) -> list[str]:
        """A few lines for the log: counts, split, warnings, and the files left out."""
        smallest, largest = min(self.class_counts()), max(self.class_counts())
        return [
            f"Data: {len(self.classes)} classes; {len(self.train)} training images "
            f"({smallest} to {largest} a class), {len(self.validation)} validation, "
            f"{len(self.test)} test; {self.split}.",
            *(f"Warning: {warning}" for warning in self.warnings),
            *self._left_out_lines(),
        ]

    def _left_out_lines(self) -> list[str]:
        if not self.left_out:
            return []
        reasons = Counter(item.reason for item in self.left_out)
        counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        lines = [f"Left out {len(self.left_out)} of the files: {counted}."]
        lines += [f"  {item.file}: {item.reason}" for item in self.left_out[:SHOWN_IN_LOG]]
        if len(self.left_out) > SHOWN_IN_LOG:
            lines.append(f"  ... and {len(self.left_out) - SHOWN_IN_LOG} more")
        return lines

    def _counts(self, items: Iterable[Item]) -> tuple[int, ...]:
        counts = Counter(item.label for item in items)
        return tuple(counts[label] for label in range(len(self.classes)))
