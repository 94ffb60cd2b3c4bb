"""Cuts what was recorded into stretches, on which rules look."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Span, Stretch, Table

Tables = Mapping[str, Mapping[str, Table]]
"""Tables by their kind and name."""


@dataclass(frozen=True)
class Recorded:
    """Rows and spans, and what is known of those who wrote them."""

    tables: Tables
    spans: Sequence[Span] = ()
    workers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)

    def whole(self) -> Stretch:
        """All of it as one stretch."""
        ends_s = [
            table.at_s[-1] for kind in self.tables.values() for table in kind.values() if len(table)
        ]
        return self._stretch(
            0, 0.0, max([0.0, *map(float, ends_s)]) + 1e-9, self.tables, self.spans
        )

    def cut(self, length_s: float, first: int = 0) -> list[Stretch]:
        """Stretches of `length_s` in which there is something, in their order.

        What lies before the stretch numbered `first` is given with that one: it came late.
        """
        numbers = {int(one) for at_s in self._times() for one in _numbers(at_s, length_s, first)}
        return [self._part(number, length_s, first) for number in sorted(numbers)]

    def _times(self) -> list[Floats]:
        times = [table.at_s for kind in self.tables.values() for table in kind.values()]
        return [*times, np.array([span.at_s for span in self.spans])]

    def _part(self, number: int, length_s: float, first: int) -> Stretch:
        begin_s, end_s = number * length_s, (number + 1) * length_s
        from_s = -math.inf if number == first else begin_s
        tables = {
            kind: {name: table.between(from_s, end_s) for name, table in known.items()}
            for kind, known in self.tables.items()
        }
        spans = [span for span in self.spans if from_s <= span.at_s < end_s]
        return self._stretch(number, begin_s, end_s, tables, spans)

    def _stretch(
        self, number: int, begin_s: float, end_s: float, tables: Tables, spans: Sequence[Span]
    ) -> Stretch:
        return Stretch(
            number,
            begin_s,
            end_s,
            system=tables[names.SYSTEM],
            steps=tables[names.STEPS],
            reads=tables[names.READS],
            spans=tuple(spans),
            workers=self.workers,
            machine=self.machine,
        )


def _numbers(at_s: Floats, length_s: float, first: int) -> Floats:
    """Numbers of the stretches in which the times `at_s` lie."""
    numbers: Floats = np.floor(np.maximum(at_s / length_s, first))
    return np.unique(numbers)
