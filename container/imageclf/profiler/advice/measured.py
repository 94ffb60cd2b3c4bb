"""The figures of a run that advice stands on: mean times of a step's phases, reading, spans.

In a run of several processes it is the one that waits longest for its pictures that is looked at:
all others wait for it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.advice.numbers import number, or_zero, positive
from imageclf.profiler.recorded import EMPTY, Floats, Stretch, Table

_OUTLIER = 20.0
"""Steps so many times longer than the middle one are no steps: an evaluation fell into them."""

_WHOLE_BATCH = 0.9

_FULL = 0.9
"""Share of a memory beyond which it may be too little for a moment."""


class Source(Protocol):
    """What advice needs to know of a profile."""

    @property
    def machine(self) -> Mapping[str, Any]: ...

    @property
    def workers(self) -> Mapping[str, Mapping[str, Any]]: ...

    def whole(self) -> Stretch: ...


@dataclass(frozen=True)
class Reading:
    """What it takes to read one picture, in milliseconds of one thread or process."""

    fetch_ms: float
    decode_ms: float

    @property
    def ms(self) -> float:
        return self.fetch_ms + self.decode_ms


@dataclass(frozen=True)
class Times:
    """Of the run, in seconds; 0 for what was not recorded."""

    loop_s: float
    total_s: float
    initialisation_s: float = 0.0
    evaluation_s: float = 0.0
    checkpoint_s: float = 0.0


@dataclass(frozen=True)
class Measured:
    """One process of a run.

    Args:
        facts: about the process.
        steps: training steps of the run, the short ones too.
        batches: the same, a step with a part of a batch counted as that part.
        step_ms, phase_ms, device_ms, images: means of steps with a whole batch, the first step
            left out; `device_ms` is empty without a GPU.
        by_size: middle time without the wait for data of steps with so many pictures.
        reading: None where it was not recorded.
        busy_cores: that the run kept busy, of `cores`; both for this process alone.
        batch_room: by how much the batch can grow before the memory is full; NaN when unknown.
    """

    worker: str
    facts: Mapping[str, Any]
    machine: Mapping[str, Any]
    steps: int
    batches: float
    step_ms: float
    images: float
    phase_ms: Mapping[str, float]
    device_ms: Mapping[str, float]
    by_size: Mapping[int, tuple[int, float]]
    reading: Reading | None
    busy_cores: float
    cores: float
    hosts: int
    processes: int
    times: Times
    batch_room: float

    @property
    def is_cuda(self) -> bool:
        return self.facts.get("device") == "cuda"

    @property
    def data_ms(self) -> float:
        return self.phase_ms[names.DATA]

    @property
    def compute_ms(self) -> float:
        """The step without the wait for data."""
        return self.step_ms - self.data_ms

    def images_per_s(self, step_ms: float) -> float:
        """Of all processes, were this one's steps so long."""
        return self.images * self.processes / step_ms * 1e3

    @property
    def precision(self) -> str:
        return str(self.facts.get("precision", ""))

    @property
    def readers(self) -> int:
        """Processes that read beside this one; 0 when it reads itself."""
        return int(or_zero(positive(self.facts, "workers")))

    @property
    def threads(self) -> int:
        return int(max(1.0, or_zero(positive(self.facts, "threads"))))


def measured(profile: Source) -> Measured | None:
    """The figures of the process that waits longest for data; None without two training steps."""
    run = profile.whole()
    processes = {name: _steps(run, name) for name in run.steps}
    usable = {name: table for name, table in processes.items() if len(table)}
    if not usable:
        return None
    worker = max(usable, key=lambda name: _data_share(usable[name]))
    host = worker.rpartition("-")[0]
    facts = run.workers.get(worker, {})
    beside = max(1, sum(1 for name in run.workers if name.rpartition("-")[0] == host))
    steps = usable[worker]
    return Measured(
        worker=worker,
        facts=facts,
        machine=profile.machine,
        steps=len(run.train_steps(worker)),
        batches=_batches(run.train_steps(worker), steps),
        step_ms=float(np.mean(steps[names.TOOK])),
        images=_images(steps, facts),
        phase_ms={phase: _mean(steps[names.host_column(phase)]) for phase in names.PHASES},
        device_ms={
            phase: _mean(steps[names.device_column(phase)])
            for phase in names.DEVICE_PHASES
            if steps.has(names.device_column(phase))
        },
        by_size=_by_size(run, worker),
        reading=_reading(run.reads.get(worker, EMPTY)),
        busy_cores=_busy_cores(run, host, run.train_steps(worker), facts) / beside,
        cores=positive(facts, "cores") / beside,
        hosts=len({name.rpartition("-")[0] for name in run.steps}),
        processes=len(usable),
        times=_times(run, worker),
        batch_room=_batch_room(run.system.get(host, EMPTY), facts),
    )


def _steps(run: Stretch, worker: str) -> Table:
    """Steps with a whole batch, without the first, and without what is no step."""
    table = _plausible(run.train_steps(worker))
    images = table[names.IMAGES]
    if not table.has(names.IMAGES):
        return table
    return table.where(images >= _WHOLE_BATCH * np.nanmax(images))


def _plausible(table: Table) -> Table:
    table = table.where(np.arange(len(table)) > 0)
    took = table[names.TOOK]
    table = table.where(np.isfinite(took) & (took > 0))
    took = table[names.TOOK]
    return table.where(took <= _OUTLIER * np.median(took)) if len(table) else table


def _data_share(table: Table) -> float:
    return _mean(table[names.host_column(names.DATA)]) / float(np.mean(table[names.TOOK]))


def _mean(column: Floats) -> float:
    finite = column[np.isfinite(column)]
    return float(finite.mean()) if len(finite) else 0.0


def _images(steps: Table, facts: Mapping[str, Any]) -> float:
    images = _mean(steps[names.IMAGES])
    return images if images else or_zero(positive(facts, "batch_size"))


def _batches(every: Table, whole: Table) -> float:
    """Steps of `every`, in such as those of `whole`."""
    images = every[names.IMAGES]
    parts = images / _mean(whole[names.IMAGES]) if _mean(whole[names.IMAGES]) else images * np.nan
    return float(np.where(np.isfinite(parts) & (parts > 0), parts, 1.0).sum())


def _by_size(run: Stretch, worker: str) -> dict[int, tuple[int, float]]:
    """For each number of pictures: steps, and their middle time without the wait for data."""
    table = _plausible(run.train_steps(worker))
    compute = table[names.TOOK] - np.nan_to_num(table[names.host_column(names.DATA)])
    images = table[names.IMAGES]
    sizes = np.unique(images[np.isfinite(images) & (images > 0)])
    return {
        int(size): (int((images == size).sum()), float(np.median(compute[images == size])))
        for size in sizes
    }


def _reading(reads: Table) -> Reading | None:
    images = float(np.nansum(reads[names.IMAGES]))
    if not len(reads) or not images > 0:
        return None
    fetch, decode = (float(np.nansum(reads[name])) for name in (names.FETCH, names.DECODE))
    if not fetch + decode > 0:
        threads = np.maximum(1.0, np.nan_to_num(reads[names.THREADS], nan=1.0))
        decode = float(np.nansum(reads[names.TOOK] * threads))
    return Reading(fetch / images, decode / images) if fetch + decode > 0 else None


def _busy_cores(run: Stretch, host: str, steps: Table, facts: Mapping[str, Any]) -> float:
    """Cores that the run kept busy while it stepped; NaN where no samples tell."""
    samples = run.system.get(host, EMPTY).between(float(steps.at_s[0]), float(steps.at_s[-1]))
    if samples.has(names.OWN_CPU):
        return _mean(samples[names.OWN_CPU]) / 100
    if samples.has(names.CPU):
        return _mean(samples[names.CPU]) / 100 * number(facts, "cores")
    return math.nan


def _times(run: Stretch, worker: str) -> Times:
    took = {
        name: sum(s.took_s for s in run.spans if s.name == name and s.worker == worker)
        for name in {span.name for span in run.spans}
    }
    steps = run.train_steps(worker)
    stepped_s = float(np.nansum(steps[names.TOOK])) / 1e3
    loop_s = max(took.get(names.TRAINING_LOOP, 0.0), stepped_s)
    begun_s = took.get(names.INITIALISATION, 0.0)
    return Times(
        loop_s=loop_s,
        total_s=begun_s + loop_s + took.get(names.FINALISATION, 0.0),
        initialisation_s=begun_s,
        evaluation_s=took.get(names.EVALUATION, 0.0),
        checkpoint_s=took.get(names.CHECKPOINT, 0.0),
    )


def _batch_room(samples: Table, facts: Mapping[str, Any]) -> float:
    """The factor at which the memory would be full, were all that the run holds of its batch."""
    gpu = number(facts, "gpu")
    if not math.isnan(gpu):
        used = _largest(samples[names.gpu_column(int(gpu), names.GPU_MEMORY)])
        return _FULL * 100 / used if used > 0 else math.nan
    share, used_mib = _largest(samples[names.MEMORY]), _largest(samples[names.MEMORY_MIB])
    own_mib = _largest(samples[names.OWN_MEMORY_MIB])
    if not (share > 0 and own_mib > 0):
        return math.nan
    return 1 + max(0.0, _FULL * 100 * used_mib / share - used_mib) / own_mib


def _largest(column: Floats) -> float:
    finite = column[np.isfinite(column)]
    return float(finite.max()) if len(finite) else math.nan
