"""The profile of one run, while it goes on or afterwards.

Reads the files that the collectors write. Whatever is damaged or missing is left out and said in
`notes`; of what is there, everything counts.
"""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imageclf.profiler import names
from imageclf.profiler.files import faults, safely
from imageclf.profiler.files.axis import Axis
from imageclf.profiler.files.cutting import Recorded
from imageclf.profiler.files.facts import Cache, SpanLines, read_json, read_spans
from imageclf.profiler.files.gaps import gaps
from imageclf.profiler.files.growing import EARLIEST_S, LATEST_S, Growing
from imageclf.profiler.files.reading import Room
from imageclf.profiler.recorded import Span, Stretch, Table

STRETCH_S = 5.0
"""Length of a stretch: rules look so often, and what they say never depends on anything shorter."""

PATIENCE_S = 15.0
"""So long a stretch waits for hosts and processes that have written nothing of it yet."""

_MOST_TABLES = 4096
_LONGEST = 1000


class Profile:
    """The profile in `folder`, which need not be there yet.

    Args:
        clock: seconds that only go forward.
        facts: what is said of each process instead of what it wrote of itself: a price, say.
    """

    def __init__(
        self,
        folder: Path,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self._facts = dict(facts or {})
        self._patience_s, self._clock = patience_s, clock
        self._room = Room()
        self._files: dict[str, dict[str, Growing]] = {
            kind: {} for kind in (names.SYSTEM, names.STEPS, names.READS)
        }
        self._grown_s: dict[Growing, float] = {}
        self._workers: dict[str, dict[str, Any]] = {}
        self._spans: dict[str, SpanLines] = {}
        self._spans_seen: dict[str, int] = {}
        self._spans_waiting: list[Span] = []
        self._machine: dict[str, Any] = {}
        self._json, self._lines = Cache(read_json), Cache(read_spans)
        self._axis = Axis()
        self._given = 0
        self._ended = False

    @property
    def ended(self) -> bool:
        """The run has said that nothing more will come, and all is known."""
        return self._ended

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is odd or missing, for people."""
        found = [one.fault for one in self._tables()]
        found += [str(one.get("fault") or "")[:_LONGEST] for one in self._workers.values()]
        found += faults.read(self.folder)
        found += gaps(self._files, self._workers, self._ended)
        for worker, lines in self._spans.items():
            if lines.damaged:
                found.append(f"Spans of {worker} are damaged; {lines.damaged} were left out.")
        found += self._axis.notes.values()
        return tuple(dict.fromkeys(filter(None, found)))

    @property
    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """Facts about each process, by its name `HOST-RANK`."""
        return self._workers

    @property
    def hosts(self) -> Mapping[str, Mapping[str, Any]]:
        """What was said of each host when its sampling began: `interval_ms`, and of each of its
        `gpus` the number `gpu`, `name`, `uuid` and `memory_mib`.
        """
        return {name: one.header for name, one in self._files[names.SYSTEM].items()}

    @property
    def machine(self) -> Mapping[str, Any]:
        """What the machine can do and the model asks of it; empty when it was not measured."""
        return self._machine or self._json.of(self.folder / names.MACHINE)

    @property
    def began_wall_s(self) -> float:
        """Unix time at which the run began; 0 while nothing is known."""
        return (self._axis.began_wall_ns or 0) / 1e9

    @property
    def axis(self) -> Axis:
        return self._axis

    def has_said_end(self) -> bool:
        """Whether the run has said that nothing more will come."""
        return (self.folder / names.END_OF_JOB).exists()

    def refresh(self) -> None:
        """See what has come since the last time."""
        marked = self.has_said_end()
        self._machine = self._json.of(self.folder / names.MACHINE)
        for path in safely.inside(self.folder / names.WORKERS, ".json"):
            if content := self._json.of(path):
                self._workers[path.stem] = {**content, **self._facts}
        for path in safely.inside(self.folder / names.SPANS, ".jsonl"):
            self._spans[path.stem] = self._lines.of(path)
        for kind, known in self._files.items():
            for path in safely.inside(self.folder / kind)[:_MOST_TABLES]:
                known.setdefault(path.name, Growing(path, self._room)).refresh()
        self._place(self._json.of(self.folder / names.END_OF_JOB))
        self._ended = marked

    def whole(self) -> Stretch:
        """All that was recorded so far, as one stretch."""
        return self._all().whole()

    def stretches(self) -> list[Stretch]:
        """All stretches so far in which there is something, in order."""
        return self._all().cut(STRETCH_S)

    def fresh(self, everything: bool = False) -> list[Stretch]:
        """The stretches that were not given out yet and are complete, or all of them.

        What comes too late for its stretch is given with the next one.
        """
        end_s = math.inf if everything or self._ended else self._complete_s()
        if end_s < (self._given + 1) * STRETCH_S:
            return []
        first = self._given
        if math.isfinite(end_s):
            self._given = int(end_s // STRETCH_S)
            end_s = self._given * STRETCH_S
        tables = {
            kind: {name: one.take(end_s) for name, one in known.items()}
            for kind, known in self._files.items()
        }
        found = self._recorded(tables, self._taken_spans(end_s)).cut(STRETCH_S, first)
        if found:
            self._given = max(self._given, found[-1].number + 1)
        return found

    def _place(self, end: Mapping[str, Any]) -> None:
        """Put what was read on the time axis."""
        headers = [one.header for one in self._tables()]
        self._axis.learn([one for one in [*headers, *self._workers.values(), end] if one])
        for one in self._tables():
            if one.place(self._axis.seconds):
                self._grown_s[one] = self._clock()

    def _tables(self) -> list[Growing]:
        return [one for known in self._files.values() for one in known.values()]

    def _complete_s(self) -> float:
        """Until when all is there, as far as those go that still write; -inf when nothing is."""
        kinds = (self._files[names.SYSTEM], self._files[names.STEPS])
        latest_s = {
            one: one.latest_s
            for known in kinds
            for one in known.values()
            if one.latest_s is not None
        }
        since_s = self._clock() - self._patience_s
        lively = [end_s for one, end_s in latest_s.items() if self._grown_s[one] > since_s]
        return min(lively) if lively else max(latest_s.values(), default=-math.inf)

    def _all(self) -> Recorded:
        tables: dict[str, dict[str, Table]] = {
            kind: {name: one.table() for name, one in known.items()}
            for kind, known in self._files.items()
        }
        return self._recorded(tables, self._placed_spans({}))

    def _recorded(self, tables: dict[str, dict[str, Table]], spans: list[Span]) -> Recorded:
        return Recorded(tables, spans, dict(self._workers), self._machine)

    def _taken_spans(self, end_s: float) -> list[Span]:
        """Those that began before `end_s` and were not given out; they are written at their end."""
        waiting = [*self._spans_waiting, *self._placed_spans(self._spans_seen)]
        for worker, lines in self._spans.items():
            if worker in self._workers:
                seen = self._spans_seen.get(worker, 0)
                self._spans_seen[worker] = max(seen, len(lines.spans))
        self._spans_waiting = [span for span in waiting if span.at_s >= end_s]
        return [span for span in waiting if span.at_s < end_s]

    def _placed_spans(self, seen: Mapping[str, int]) -> list[Span]:
        """The spans of processes whose clocks are known, beyond the first that were `seen`."""
        found = []
        for worker, lines in self._spans.items():
            for line in lines.spans[seen.get(worker, 0) :]:
                at_s = float(self._axis.seconds(self._workers.get(worker, {}), line.at_ns))
                if EARLIEST_S <= at_s <= LATEST_S:
                    found.append(Span(line.name, at_s, line.took_s, worker))
        return sorted(found, key=lambda span: span.at_s)
