"""Takes the time of the phases of each step, in the process that trains.

The training says where a phase begins and where a step ends; the clock says so to nobody but the
recording. It never waits for a GPU, draws no random number, and touches no tensor.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

from imageclf.data.loading import Read
from imageclf.profiler import names
from imageclf.profiler.collect.device_time import DeviceTime, Marks
from imageclf.profiler.collect.kernels import NoWindows
from imageclf.profiler.collect.reading import read_row
from imageclf.profiler.collect.recording import Recording
from imageclf.profiler.collect.tally import Tally

T = TypeVar("T")

_NO_DEVICE = (np.nan,) * len(names.DEVICE_PHASES)

_SHOWN_ASIDE_NS = 20_000_000
"""Looking into a window closely is a span of its own from this time on."""


class NoClock:
    """Takes no time; what a training has when nobody profiles it."""

    def begins(self, epoch: int, steps: int) -> None:
        """So many steps of training follow; the first begins here."""

    def waiting(self, batches: Iterable[T]) -> Iterable[T]:
        """`batches`, each after a wait that is the phase `names.DATA`."""
        return batches

    def enter(self, phase: str) -> None:
        """From here on the step is in `phase`."""

    def step_ends(self, images: int) -> None:
        """The step is over, in which this process saw so many images; the next one begins."""

    @contextmanager
    def aside(self, name: str) -> Iterator[None]:  # noqa: ARG002
        """What is inside is a span, and of no step."""
        yield

    @contextmanager
    def evaluating(self, epoch: int) -> Iterator[None]:  # noqa: ARG002
        """Inside, a pass over a split: a span, and steps of their own."""
        yield

    def close(self) -> None:
        """No step follows."""


NO_CLOCK = NoClock()


class Clock(NoClock):
    """Hands a row to `recording` for each step.

    Args:
        device: takes the times of a GPU; None without one.
        windows: looks closely into some steps of training.
        tally: is told of each step of training.
        now_ns: the monotonic clock.
    """

    def __init__(
        self,
        recording: Recording,
        device: DeviceTime | None,
        windows: NoWindows,
        tally: Tally | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._recording = recording
        self._device = device
        self._windows = windows
        self._tally = tally
        self._now_ns = now_ns
        self._mode, self._epoch = names.TRAIN, 0
        self._steps = {names.TRAIN: 0, names.EVAL: 0}
        self._left = 0
        self._pending: deque[tuple[int, tuple[float, ...], Marks]] = deque()
        self._spent_ns = dict.fromkeys(names.PHASES, 0)
        self._phase = names.OTHER
        self._began_ns = self._since_ns = now_ns()

    def begins(self, epoch: int, steps: int) -> None:
        self._mode, self._epoch, self._left = names.TRAIN, epoch, steps
        if steps:
            self._windows.step_begins(self._steps[names.TRAIN], steps)
        self._restart()

    def waiting(self, batches: Iterable[T]) -> Iterator[T]:
        self.enter(names.DATA)
        for batch in batches:
            self.enter(names.OTHER)
            read = getattr(batch, "read", None)
            if isinstance(read, Read):
                self._recording.read(read.at_ns, read_row(read))
            yield batch
            self.enter(names.DATA)

    def enter(self, phase: str) -> None:
        now_ns = self._now_ns()
        self._spent_ns[self._phase] += now_ns - self._since_ns
        self._phase, self._since_ns = phase, now_ns
        if self._device is not None:
            self._device.enter(phase)

    def step_ends(self, images: int) -> None:
        self.enter(names.OTHER)
        step = self._steps[self._mode]
        self._steps[self._mode] += 1
        row = self._row(step, images)
        self._hand_over(row)
        if self._mode == names.TRAIN:
            if self._tally is not None:
                self._tally.step(row, images)
            self._look_closely(step)
        self._restart()

    @contextmanager
    def aside(self, name: str) -> Iterator[None]:
        began_ns, phase = self._now_ns(), self._phase
        self.enter(phase)
        try:
            yield
        finally:
            self._since_ns = self._now_ns()
            self._began_ns += self._since_ns - began_ns
            self._recording.span(name, began_ns, self._since_ns)

    @contextmanager
    def evaluating(self, epoch: int) -> Iterator[None]:
        mode, epoch_before = self._mode, self._epoch
        with self.aside(names.EVALUATION):
            self._mode, self._epoch = names.EVAL, epoch
            self._restart()
            yield
        self._mode, self._epoch = mode, epoch_before
        self._restart()

    def close(self) -> None:
        self._windows.close()
        while self._pending:
            self._pending[0][2].wait()
            self._settle()

    def _restart(self) -> None:
        """A step begins now."""
        self._spent_ns = dict.fromkeys(names.PHASES, 0)
        self._phase = names.OTHER
        self._began_ns = self._since_ns = self._now_ns()
        if self._device is not None:
            self._device.give_back(self._device.take())

    def _row(self, step: int, images: int) -> tuple[float, ...]:
        """All columns but those of the device."""
        spent_ns = self._spent_ns
        took_ms = (self._since_ns - self._began_ns) / 1e6
        phases = (spent_ns[phase] / 1e6 for phase in names.PHASES)
        return (step, self._epoch, self._mode, images, took_ms, *phases)

    def _hand_over(self, row: tuple[float, ...]) -> None:
        if self._device is None:
            self._recording.step(self._began_ns, (*row, *_NO_DEVICE))
            return
        self._pending.append((self._began_ns, row, self._device.take()))
        while self._pending and self._pending[0][2].done:
            self._settle()

    def _settle(self) -> None:
        """Hand over the oldest step; the GPU is done with it."""
        assert self._device is not None
        at_ns, row, marks = self._pending.popleft()
        self._recording.step(at_ns, (*row, *marks.times_ms().values()))
        self._device.give_back(marks)

    def _look_closely(self, step: int) -> None:
        began_ns = self._now_ns()
        self._windows.step_ends(step)
        self._left -= 1
        if self._left > 0:
            self._windows.step_begins(step + 1, self._left)
        ended_ns = self._now_ns()
        if ended_ns - began_ns > _SHOWN_ASIDE_NS:
            self._recording.span(names.KERNELS, began_ns, ended_ns)
