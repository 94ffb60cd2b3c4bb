"""The saved tensors of one run, step by step, while it runs or afterwards.

Reads what smdebug's hooks write, ours among them, without smdebug. Whatever is damaged or missing
is left out and counted; only the steps that can be read are given out. Nothing is read that lies
outside of the folder, and no values before somebody asks for them.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from imageclf.debugger.names import END_OF_JOB
from imageclf.debugger.saved import Mode, Saved, SavedStep
from imageclf.debugger.tensors.attendance import Attendance
from imageclf.debugger.tensors.collections import Collection, Collections
from imageclf.debugger.tensors.folder import Folder
from imageclf.debugger.tensors.listing import Found, Listing
from imageclf.debugger.tensors.part import Part, Worker
from imageclf.errors import TensorsError

PATIENCE_S = 60.0
"""So long a step waits for a worker that has not saved it, and for a file that is not whole."""

_KEPT_STEPS = 32
_KEPT_VALUES = 2**25
"""So many values, once read, are kept at most: 128 MiB in float32."""


class StoredStep(SavedStep):
    """A step whose tensors are read when they are asked for, and not kept."""

    def __init__(
        self,
        number: int,
        mode: Mode,
        mode_step: int,
        at_s: float,
        read: Callable[[], tuple[Saved, ...]],
    ) -> None:
        fields = {"number": number, "mode": mode, "mode_step": mode_step, "at_s": at_s}
        for name, value in (*fields.items(), ("_read", read)):
            object.__setattr__(self, name, value)

    @property
    def tensors(self) -> tuple[Saved, ...]:
        return self._read()  # type: ignore[attr-defined, no-any-return]


class Run:
    """The run whose tensors are saved in `folder`, which need not be there yet.

    Args:
        patience_s: see `PATIENCE_S`.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        folder: Path,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._files = Folder(folder)
        self._patience_s, self._clock = patience_s, clock
        self._listing = Listing(self._files)
        self._collections = Collections(self._files)
        self._workers: dict[str, Worker] = {}
        self._steps: dict[int, dict[str, str]] = {}
        self._parts: dict[tuple[int, str], Part] = {}
        self._seen_s: dict[int, float] = {}
        self._attendance = Attendance()
        self._given = -1
        self._ended = False
        self._kept: OrderedDict[int, tuple[Saved, ...]] = OrderedDict()
        self._lost: dict[int, int] = {}
        self._notes: dict[str, str] = {}
        self._order = _Order()

    @property
    def ended(self) -> bool:
        """The run has said that nothing more will come, and all is listed."""
        return self._ended

    @property
    def collections(self) -> Mapping[str, Collection]:
        """Each collection by its name."""
        return self._collections.by_name

    @property
    def left_out(self) -> int:
        """Tensors and whole steps that could not be read, of what was read so far."""
        return sum(self._lost.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is odd about the folder, for people."""
        return (*self._collections.faults, *self._notes.values())

    def has_said_end(self) -> bool:
        """Whether the run has said that nothing more will come; asks for one file only."""
        return (self.folder / END_OF_JOB).exists()

    def refresh(self) -> None:
        """See what has come since the last time; what was read is not read again."""
        marked = self.has_said_end()
        for found in self._listing.scan():
            if found.step <= self._given:
                self._note_again(found.step, found.again)
            self._take(found)
        self._collections.refresh()
        self._ended = marked

    def steps(self) -> list[SavedStep]:
        """All steps so far that can be read, in order, also those that are not complete.

        Tensors are read when they are asked for, at a few milliseconds a step, and only those of
        the latest few steps are kept: so go through the steps once, not once for each tensor.
        """
        order = _Order()
        made = (self._step(number, order) for number in sorted(self._steps))
        return [step for step in made if step is not None]

    def fresh(self, everything: bool = False) -> list[SavedStep]:
        """The steps that were not given out yet, in order, as far as they are complete.

        A step is complete when every worker has saved it, or has saved a later one, or has said
        nothing for `patience_s`, or when the run has ended.

        Args:
            everything: also those that are not complete: nobody will ask again.
        """
        given: list[SavedStep] = []
        for number in sorted(number for number in self._steps if number > self._given):
            waits = self._clock() - self._seen_s[number] < self._patience_s
            patient = waits and not self._ended and not everything
            awaited = self._attendance.awaited(number, self._collections.workers)
            if patient and awaited:
                break
            step = self._step(number, self._order, patient)
            if step is None and patient:
                break
            self._attendance.give_up(awaited)
            self._given = number
            self._seen_s.pop(number, None)
            given += [] if step is None else [step]
        return given

    def _take(self, found: Found) -> None:
        self._kept.pop(found.step, None)
        self._parts.pop((found.step, found.worker), None)
        self._steps.setdefault(found.step, {})[found.worker] = found.path
        self._seen_s[found.step] = self._clock()
        self._attendance.came(found.worker, found.step)
        self._workers.setdefault(found.worker, Worker(self._files, found.worker))

    def _step(self, number: int, order: "_Order", patient: bool = False) -> SavedStep | None:
        """The step; None when nothing of it can be read, or (if `patient`) not all of it yet."""
        parts: list[Part] = []
        for name in sorted(self._steps[number], key=lambda name: (len(name), name)):
            try:
                part = self._part(number, name, patient)
            except TensorsError as error:
                if patient:
                    return None
                self._lost[number] = 1
                self._note("damaged", f"Step {number} of {name} could not be read: {error}")
                continue
            if order.is_earlier_run(part):
                self._note(
                    "earlier",
                    f"{self.folder} holds steps of an earlier run, saved before this run began "
                    f"(from step {number} on); they were left out.",
                )
            else:
                parts.append(part)
        return self._stored(number, parts) if parts else None

    def _part(self, number: int, name: str, is_whole: bool) -> Part:
        known = self._parts.get((number, name))
        if known is None:
            known = self._workers[name].part(self._steps[number][name], is_whole)
            if known.is_whole:
                self._parts[number, name] = known
        return known

    def _stored(self, number: int, parts: list[Part]) -> SavedStep:
        first = parts[0]
        at_s = max(part.at_s for part in parts)
        return StoredStep(
            number,
            first.index.mode,
            first.index.mode_step,
            at_s,
            lambda: self._tensors(number, parts),
        )

    def _tensors(self, number: int, parts: Iterable[Part]) -> tuple[Saved, ...]:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        tensors: list[Saved] = []
        lost = 0
        for part in parts:
            found, damaged = self._workers[part.worker].tensors(part, self._collections.of)
            tensors += found
            lost += damaged
        self._note_lost(number, lost)
        self._kept[number] = tuple(tensors)
        while len(self._kept) > 1 and self._keeps_too_much():
            self._kept.popitem(last=False)
        return self._kept[number]

    def _keeps_too_much(self) -> bool:
        values = sum(_values_in(tensors) for tensors in self._kept.values())
        return len(self._kept) > _KEPT_STEPS or values > _KEPT_VALUES

    def _note_lost(self, number: int, lost: int) -> None:
        if lost:
            self._lost[number] = lost
            damaged = f"Step {number} is damaged: {lost} of its tensors could not be read"
            self._note("damaged", f"{damaged} and were left out.")

    def _note_again(self, number: int, again: bool) -> None:
        if again:
            second = f"Step {number} was saved a second time"
            self._note("again", f"{second}: another run writes to {self.folder}.")
        else:
            self._note("late", f"Step {number} came after later ones and was left out.")

    def _note(self, about: str, sentence: str) -> None:
        """Of what happens again and again, the first time is told."""
        self._notes.setdefault(about, sentence)


def _values_in(tensors: Iterable[Saved]) -> int:
    """How many values they may hold once these are read."""
    return sum(math.prod(one.shape or ()) for one in tensors if one.load is not None)


class _Order:
    """Tells steps of an earlier run that were left in the folder: older than a run's first."""

    def __init__(self) -> None:
        self._began_s: dict[str, float] = {}

    def is_earlier_run(self, part: Part) -> bool:
        return part.is_timed and part.at_s < self._began_s.setdefault(part.worker, part.at_s)
