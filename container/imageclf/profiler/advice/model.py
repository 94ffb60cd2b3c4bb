"""A small model of a training step, by which changes are predicted.

    a process that reads for itself:   step = compute + reading / threads
    with N reading processes:          step = max(compute, reading / N, busy / cores)

`reading` is what all pictures of a batch take one after another, `compute` the step without the
wait for data, `busy` the time of cores that the step needs in all. The second line is that of a
pipeline: the slowest part sets the pace, and readers share the cores with the model. What a
measured step took beyond the model stays as it is.
"""

import math
from dataclasses import dataclass, replace
from typing import Self

from imageclf.profiler.advice.measured import Measured

WAITS = 0.05
"""A smaller share of waiting for data than this says nothing about how long reading takes."""

_CROWDED = 0.6
"""A model that keeps this share of its threads busy computes; below, it mostly waits."""


@dataclass(frozen=True)
class StepModel:
    """What one step is made of.

    Args:
        reading_ms: of one picture, in one thread or process.
        readers: processes; 0 when `threads` of this one read.
        busy_ms: core-milliseconds of a step, all in all; 0 where they are not known.
        compute_cores: cores that computing keeps busy.
        beyond_ms: what the measured step took beyond the model.
    """

    compute_ms: float
    images: float
    reading_ms: float
    readers: int
    threads: int
    cores: float
    busy_ms: float
    compute_cores: float
    beyond_ms: float = 0.0

    @classmethod
    def of(cls, run: Measured) -> Self:
        """The model of the run as it was."""
        cores = math.inf if math.isnan(run.cores) else max(1.0, run.cores)
        computing = 1.0 if run.is_cuda else float(run.threads)
        busy = _busy_cores(run, computing)
        model = cls(
            compute_ms=run.compute_ms,
            images=run.images,
            reading_ms=_reading_ms(run),
            readers=run.readers,
            threads=run.threads,
            cores=cores,
            busy_ms=min(busy, cores) * run.step_ms,
            compute_cores=min(busy, computing),
        )
        return replace(model, beyond_ms=max(0.0, run.step_ms - model.step_ms))

    @property
    def step_ms(self) -> float:
        """What the step takes by the model."""
        reading = self.images * self.reading_ms
        if self.readers == 0:
            pace = self.compute_ms + reading / self.threads
        else:
            pace = max(self.compute_ms, reading / self.readers, self.busy_ms / self.cores)
        return pace + self.beyond_ms

    def with_readers(self, readers: int) -> Self:
        """With so many reading processes."""
        return replace(self, readers=readers, beyond_ms=self._beyond_of_pipeline())

    def with_compute(self, compute_ms: float) -> Self:
        """With another time for everything but the data."""
        saved = (self.compute_ms - compute_ms) * self.compute_cores
        return replace(self, compute_ms=compute_ms, busy_ms=max(0.0, self.busy_ms - saved))

    def with_reading(self, reading_ms: float) -> Self:
        """With another time for reading a picture, all of it work of a core."""
        saved = (self.reading_ms - reading_ms) * self.images
        return replace(self, reading_ms=reading_ms, busy_ms=max(0.0, self.busy_ms - saved))

    def with_images(self, factor: float, compute_ms: float) -> Self:
        """With so many times the pictures in a step, which then computes for `compute_ms`."""
        reading = max(0.0, self.busy_ms - self.compute_ms * self.compute_cores)
        return replace(
            self,
            images=self.images * factor,
            compute_ms=compute_ms,
            busy_ms=reading * factor + compute_ms * self.compute_cores,
            beyond_ms=self.beyond_ms * factor,
        )

    def _beyond_of_pipeline(self) -> float:
        return self.beyond_ms if self.readers else 0.0


def _reading_ms(run: Measured) -> float:
    """Of one picture; no more than what the measured step leaves room for.

    Where it was not recorded it follows from the wait for data, if there is any.
    """
    if not run.images:
        return 0.0
    if run.readers == 0:
        room_ms = run.data_ms * run.threads / run.images
    else:
        room_ms = run.step_ms * run.readers / run.images
    if run.reading is not None:
        return min(run.reading.ms, room_ms)
    return room_ms if run.data_ms > WAITS * run.step_ms else 0.0


def _busy_cores(run: Measured, computing: float) -> float:
    """Cores that a step keeps busy on average.

    Where no sample tells, computing and decoding do. Where the model computes on the cores that
    would read for it, only the waiting for files leaves them free: what a sample shows as idle
    beyond that lies between two threads of the model, and nobody else can use it.
    """
    busy = run.busy_cores
    if math.isnan(busy):
        decoding_ms = run.reading.decode_ms * run.images if run.reading else 0.0
        return (run.compute_ms * computing + decoding_ms) / run.step_ms
    if run.is_cuda or run.readers or busy < _CROWDED * computing:
        return busy
    waits_ms = run.reading.fetch_ms * run.images / run.threads if run.reading else 0.0
    return max(busy, computing * (1 - waits_ms / run.step_ms))
