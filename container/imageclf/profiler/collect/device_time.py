"""How long a GPU spends on each phase, by events on its stream; nothing waits for the GPU.

An event costs the host about a microsecond. The time between two events holds what the stream did
between them, and also what it waited for the host to launch more.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, Self

import torch

from imageclf.profiler import names

_TIMED = frozenset(names.DEVICE_PHASES)


class Event(Protocol):
    """What of torch's events is used."""

    def record(self) -> None: ...

    def query(self) -> bool: ...

    def synchronize(self) -> None: ...

    def elapsed_time(self, end_event: Self, /) -> float: ...


def cuda_event() -> Event:
    """An event that takes the time."""
    event: Event = torch.cuda.Event(enable_timing=True)
    return event


@dataclass
class Marks:
    """Where the phases of one step begin on the stream; the last mark ends the step."""

    phases: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether the GPU has come to the end of the step."""
        return not self.events or self.events[-1].query()

    def wait(self) -> None:
        """Wait for the GPU to come there."""
        if self.events:
            self.events[-1].synchronize()

    def times_ms(self) -> dict[str, float]:
        """Milliseconds of each timed phase; the step must be done."""
        found = dict.fromkeys(names.DEVICE_PHASES, 0.0)
        for place, phase in enumerate(self.phases[:-1]):
            if phase in _TIMED:
                found[phase] += self.events[place].elapsed_time(self.events[place + 1])
        return found


class DeviceTime:
    """Marks the phases of steps on the stream that the training uses.

    Args:
        make: makes an event; they are used again and again.
    """

    def __init__(self, make: Callable[[], Event] = cuda_event) -> None:
        self._make = make
        self._free: list[Event] = []
        self._marks = Marks()

    def enter(self, phase: str) -> None:
        """From here on the stream works on `phase`."""
        before = self._marks.phases[-1] if self._marks.phases else ""
        if phase in _TIMED or before in _TIMED:
            self._mark(phase)

    def take(self) -> Marks:
        """The marks of the step that is over."""
        if self._marks.phases and self._marks.phases[-1] in _TIMED:
            self._mark(names.OTHER)
        marks, self._marks = self._marks, Marks()
        return marks

    def give_back(self, marks: Marks) -> None:
        """Use the events again."""
        self._free += marks.events

    def _mark(self, phase: str) -> None:
        event = self._free.pop() if self._free else self._make()
        event.record()
        self._marks.phases.append(phase)
        self._marks.events.append(event)
