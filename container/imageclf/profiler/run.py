"""The profile of one run, while it goes on or afterwards.

Reads the files that the collectors write. Whatever is damaged or missing is left out and said in
`notes`; of what is there, everything counts.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from imageclf.profiler import names
from imageclf.profiler.files.axis import Axis
from imageclf.profiler.files.faults import read as read_faults
from imageclf.profiler.files.growing import Growing
from imageclf.profiler.recorded import EMPTY, Span, Stretch, Table

STRETCH_S = 5.0
"""Length of a stretch: rules look so often, and what they say never depends on anything shorter."""

PATIENCE_S = 15.0
"""So long a stretch waits for hosts and processes that have written nothing of it yet."""

_MOST_BYTES = 1 << 24


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
        self._files: dict[str, dict[str, Growing]] = {
            kind: {} for kind in (names.SYSTEM, names.STEPS, names.READS)
        }
        self._workers: dict[str, dict[str, Any]] = {}
        self._spans: dict[str, list[dict[str, Any]]] = {}
        self._machine: dict[str, Any] = {}
        self._axis = Axis()
        self._given = 0
        self._given_s = clock()
        self._ended = False

    @property
    def ended(self) -> bool:
        """The run has said that nothing more will come, and all is known."""
        return self._ended

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is odd or missing, for people."""
        faults = [one.fault for kind in self._files.values() for one in kind.values()]
        faults += read_faults(self.folder)
        said = [str(one["fault"]) for one in self._workers.values() if one.get("fault")]
        return tuple(dict.fromkeys(filter(None, [*faults, *said, *self._axis.notes.values()])))

    @property
    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """Facts about each process, by its name `HOST-RANK`."""
        return self._workers

    @property
    def machine(self) -> Mapping[str, Any]:
        """What the machine can do and the model asks of it; empty when it was not measured."""
        return self._machine or _read_json(self.folder / names.MACHINE)

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
        self._machine = _read_json(self.folder / names.MACHINE)
        for kind, known in self._files.items():
            for path in sorted((self.folder / kind).glob("[!.]*")):
                known.setdefault(path.name, Growing(path)).refresh()
        for path in sorted((self.folder / names.WORKERS).glob("*.json")):
            if content := _read_json(path):
                self._workers[path.stem] = {**content, **self._facts}
        for path in sorted((self.folder / names.SPANS).glob("*.jsonl")):
            self._spans[path.stem] = _read_lines(path)
        headers = [one.header for kind in self._files.values() for one in kind.values()]
        began = {
            str(one.get("machine", "")): int(one["began_ns"])
            for one in self._workers.values()
            if isinstance(one.get("began_ns"), int)
        }
        self._axis.learn([one for one in [*headers, *self._workers.values()] if one], began)
        self._ended = marked

    def whole(self) -> Stretch:
        """All that was recorded so far, as one stretch."""
        return self._stretch(0, 0.0, max(self._latest_s(), default=0.0) + 1e-9)

    def stretches(self) -> list[Stretch]:
        """All stretches so far, in order, the last one as far as it goes."""
        count = int(max(self._latest_s(), default=-1.0) // STRETCH_S) + 1
        return [self._numbered(number) for number in range(count)]

    def fresh(self, everything: bool = False) -> list[Stretch]:
        """The stretches that were not given out yet and are complete, or all of them."""
        latest = self._latest_s()
        if not latest:
            return []
        done = int(max(latest) // STRETCH_S) + 1
        if not (everything or self._ended):
            waits = self._clock() - self._given_s < self._patience_s
            done = int((min(latest) if waits else max(latest)) // STRETCH_S)
        found = [self._numbered(number) for number in range(self._given, done)]
        if found:
            self._given, self._given_s = done, self._clock()
        return found

    def _latest_s(self) -> list[float]:
        """The last time of each host's samples and each process's steps."""
        kinds = (self._files[names.SYSTEM], self._files[names.STEPS])
        tables = [self._table(one) for kind in kinds for one in kind.values()]
        return [float(table.at_s[-1]) for table in tables if len(table)]

    def _numbered(self, number: int) -> Stretch:
        return self._stretch(number, number * STRETCH_S, (number + 1) * STRETCH_S)

    def _stretch(self, number: int, begin_s: float, end_s: float) -> Stretch:
        parts = {
            kind: {name: self._table(one).between(begin_s, end_s) for name, one in known.items()}
            for kind, known in self._files.items()
        }
        spans = [span for span in self._all_spans() if begin_s <= span.at_s < end_s]
        return Stretch(
            number,
            begin_s,
            end_s,
            system=parts[names.SYSTEM],
            steps=parts[names.STEPS],
            reads=parts[names.READS],
            spans=tuple(spans),
            workers=self._workers,
            machine=self._machine,
        )

    def _table(self, one: Growing) -> Table:
        return one.table(self._axis.seconds) if one.header else EMPTY

    def _all_spans(self) -> list[Span]:
        found = []
        for worker, lines in self._spans.items():
            header = self._workers.get(worker)
            if header is None:
                continue
            for line in lines:
                at_s = float(self._axis.seconds(header, int(line["at_ns"])))
                found.append(Span(str(line["name"]), at_s, float(line["took_s"]), worker))
        return sorted(found, key=lambda span: span.at_s)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _read_lines(path: Path) -> list[dict[str, Any]]:
    """Spans that are whole; a line that is damaged or still being written is left out."""
    try:
        with path.open("rb") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            content = json.loads(line)
            found.append({key: content[key] for key in ("name", "at_ns", "took_s")})
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return found
