"""Rules that gather what is recorded and judge all of it now and then.

They judge at set times of the run, whatever the portions in which they are shown it, and once more
at its end.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from imageclf.profiler.recorded import EMPTY, Stretch, Table
from imageclf.profiler.rules.base import Findings, ProfilerParameters, ProfilerRule
from imageclf.rules.parameters import RuleParameters

_RARER = 1.05
"""The longer the run, the longer the pauses, so that a day is judged some hundred times at most."""


class ScannedRule(ProfilerRule):
    """Takes in each stretch, and judges after every `scan_interval_us` of the run.

    One finding for each `where`, the first; `triggered` counts the judgements that found something.
    """

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        assert isinstance(self.parameters, ProfilerParameters)
        self._interval_s = self.parameters.scan_interval_us / 1e6
        self._due_s = self._interval_s
        self._latest_s = 0.0
        self._is_judged = True
        self._told: set[str] = set()
        self.triggered = 0

    @abstractmethod
    def take(self, stretch: Stretch) -> None:
        """Keep what this rule needs. Adds to `looked`."""

    @abstractmethod
    def judge(self, at_s: float) -> Findings:
        """What is wrong with all that was taken; `at_s` seconds of the run have passed."""

    def look(self, seen: Stretch) -> Findings:
        while seen.end_s >= self._due_s:
            before, seen = _cut(seen, self._due_s)
            self._take(before)
            yield from self._judge(self._due_s)
            self._due_s = max(self._due_s + self._interval_s, self._due_s * _RARER)
        self._take(seen)

    def finish(self) -> Findings:
        if not self._is_judged:
            yield from self._judge(self._latest_s)

    def _take(self, stretch: Stretch) -> None:
        times = [
            float(table.at_s[-1])
            for tables in (stretch.system, stretch.steps, stretch.reads)
            for table in tables.values()
            if len(table)
        ]
        times += [span.at_s for span in stretch.spans]
        if times:
            self._latest_s = max(self._latest_s, *times)
            self._is_judged = False
        self.take(stretch)

    def _judge(self, at_s: float) -> Findings:
        self._is_judged = True
        found = list(self.judge(at_s))
        self.triggered += bool(found)
        for finding in found:
            if finding.tensor not in self._told:
                self._told.add(finding.tensor)
                yield finding

    def judged(self, violations: int, **details: Any) -> dict[str, Any]:
        """`details` under the names that the managed service's reports have."""
        return {
            "RuleTriggered": self.triggered,
            "Violations": violations,
            "Datapoints": self.looked,
            "RuleParameters": self.parameters.model_dump(),
            "Details": details,
        }


class Kept:
    """Some columns of the tables that came, of each host or process."""

    def __init__(self, *columns: str) -> None:
        self._columns = columns
        self._parts: dict[str, list[Table]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._parts))

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, name: str, table: Table) -> int:
        """Keep the rows of `table`; how many."""
        if len(table):
            columns = {column: table[column] for column in self._columns}
            self._parts.setdefault(name, []).append(Table(table.at_s, columns))
        return len(table)

    def __getitem__(self, name: str) -> Table:
        """All rows of `name`, in the order of their times."""
        parts = self._parts.get(name, [])
        if not parts:
            return EMPTY
        if len(parts) > 1:
            self._parts[name] = [_joined(parts, self._columns)]
        return self._parts[name][0]


def count(fact: object) -> int:
    """A number of things among the facts of a process, which are read from files; else 0."""
    if not isinstance(fact, int | float) or not math.isfinite(fact):
        return 0
    return max(0, int(fact))


def _joined(parts: list[Table], columns: tuple[str, ...]) -> Table:
    at_s = np.concatenate([part.at_s for part in parts])
    joined = Table(at_s, {name: np.concatenate([part[name] for part in parts]) for name in columns})
    ordered = bool(np.all(np.diff(at_s) >= 0))
    if ordered:
        return joined
    order = np.argsort(at_s, kind="stable")
    return Table(at_s[order], {name: one[order] for name, one in joined.columns.items()})


def _cut(stretch: Stretch, at_s: float) -> tuple[Stretch, Stretch]:
    """What began before `at_s`, and the rest."""
    before = replace(
        _between(stretch, -np.inf, at_s),
        end_s=at_s,
        spans=tuple(span for span in stretch.spans if span.at_s < at_s),
    )
    rest = replace(
        _between(stretch, at_s, np.inf),
        begin_s=at_s,
        spans=tuple(span for span in stretch.spans if span.at_s >= at_s),
    )
    return before, rest


def _between(stretch: Stretch, begin_s: float, end_s: float) -> Stretch:
    return replace(
        stretch,
        system={name: one.between(begin_s, end_s) for name, one in stretch.system.items()},
        steps={name: one.between(begin_s, end_s) for name, one in stretch.steps.items()},
        reads={name: one.between(begin_s, end_s) for name, one in stretch.reads.items()},
    )
