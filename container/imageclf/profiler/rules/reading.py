"""How the reading of batches goes beside the steps, for the rules on readers."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Stretch, Table
from imageclf.profiler.rules.scanned import Kept, count

_WARM_UP = 2
"""First training steps that say nothing on waiting: readers start, the first batch is read."""

_LEAST_STEPS = 10
"""So many training steps must be there before a share of them means something."""

CPU = "cpu"


class Reading:
    """Steps and reads of each process, so far."""

    def __init__(self) -> None:
        self._steps = Kept(names.MODE, names.TOOK, names.host_column(names.DATA))
        self._reads = Kept(*names.READ_COLUMNS)
        self.facts: Mapping[str, Mapping[str, Any]] = {}
        self._cores: dict[str, int] = {}
        self._latest: dict[str, int] = {}

    def take(self, stretch: Stretch) -> int:
        """Keep what is new; how many batches were read or waited for."""
        self.facts = {**self.facts, **stretch.workers}
        rows = 0
        for worker, table in stretch.steps.items():
            self._latest[worker] = max(_latest_step(table), self._latest.get(worker, 0))
            rows += self._steps.add(worker, table)
        for worker, table in stretch.reads.items():
            rows += self._reads.add(worker, table)
        for host, table in stretch.system.items():
            self._cores[host] = max(self._cores.get(host, 0), len(table.cores))
        return rows

    @property
    def workers(self) -> list[str]:
        """Processes that took training steps."""
        return list(self._steps)

    @property
    def hosts(self) -> list[str]:
        return sorted({self.host(worker) for worker in [*self._steps, *self._reads]})

    def host(self, worker: str) -> str:
        """The host on which a process runs."""
        return str(self.facts.get(worker, {}).get("host") or worker.rpartition("-")[0])

    def latest_step(self, worker: str) -> int:
        """The last training step so far."""
        return self._latest.get(worker, 0)

    def is_on_cpu(self, worker: str) -> bool:
        """Whether the model computes where the pictures are decoded."""
        return bool(self.facts.get(worker, {}).get("device", CPU) == CPU)

    def train_steps(self, worker: str) -> Table:
        """The training steps that count."""
        table = self._steps[worker]
        chosen = table.where((table[names.MODE] == names.TRAIN) & np.isfinite(table[names.TOOK]))
        return chosen.where(np.arange(len(chosen)) >= _WARM_UP)

    def reads(self, worker: str) -> Table:
        return self._reads[worker]

    def took_ms(self, host: str) -> Floats:
        """How long each batch of a host took to read."""
        parts = [self._reads[one][names.TOOK] for one in self._reads if self.host(one) == host]
        return np.concatenate([part[np.isfinite(part)] for part in parts] or [np.empty(0)])

    def wait_share(self, worker: str) -> float:
        """Per cent of the training steps' time that a process waits; NaN when too few are there."""
        steps = self.train_steps(worker)
        total_ms = float(steps[names.TOOK].sum())
        if len(steps) < _LEAST_STEPS or total_ms <= 0:
            return math.nan
        return 100 * float(np.nansum(steps[names.host_column(names.DATA)])) / total_ms

    def step_ms(self, worker: str) -> tuple[float, float]:
        """Means over the training steps: the whole step, and the waiting in it."""
        steps = self.train_steps(worker)
        if not len(steps):
            return math.nan, math.nan
        wait_ms = np.nansum(steps[names.host_column(names.DATA)]) / len(steps)
        return float(steps[names.TOOK].mean()), float(wait_ms)

    def batch_ms(self, worker: str) -> float:
        """How long one reader takes for a batch, on average; NaN when no reads are known."""
        took_ms = self._reads[worker][names.TOOK]
        known = took_ms[np.isfinite(took_ms)]
        return float(known.mean()) if len(known) else math.nan

    def fetch_share(self, worker: str) -> float:
        """Per cent of the reading that goes to the files and not to decoding; NaN: not known."""
        reads = self._reads[worker]
        fetch_ms, decode_ms = (float(np.nansum(reads[one])) for one in (names.FETCH, names.DECODE))
        whole_ms = fetch_ms + decode_ms
        return 100 * fetch_ms / whole_ms if whole_ms > 0 else math.nan

    def readers(self, worker: str) -> int:
        """Processes that read for this one, or threads of its own; 0 when it is not known."""
        reads, facts = self._reads[worker], self.facts.get(worker, {})
        numbers = reads[names.WORKER]
        apart = len(np.unique(numbers[numbers >= 0]))
        own = reads[names.THREADS][numbers < 0]
        told = count(facts.get("workers")) or count(facts.get("threads"))
        seen = max(apart, int(np.nanmax(own)) if np.isfinite(own).any() else 0)
        return seen or (told if len(self._steps[worker]) else 0)

    def reads_itself(self, worker: str) -> bool:
        """Whether threads of the process read, between two steps."""
        return bool((self._reads[worker][names.WORKER] < 0).any())

    def cores(self, host: str) -> int:
        """Cores that the processes of a host may use; 0 when it is not known."""
        told = [
            count(facts.get("cores"))
            for worker, facts in self.facts.items()
            if self.host(worker) == host
        ]
        return max(told, default=0) or self._cores.get(host, 0)

    def enough_readers(self, worker: str) -> int:
        """So many readers keep pace with the steps; 0 when it is not known."""
        whole_ms, wait_ms = self.step_ms(worker)
        batch_ms = self.batch_ms(worker)
        if not (math.isfinite(batch_ms) and whole_ms > wait_ms):
            return 0
        readers_ms = batch_ms * (self.readers(worker) if self.reads_itself(worker) else 1)
        return math.ceil(readers_ms / (whole_ms - wait_ms))


def _latest_step(table: Table) -> int:
    steps = table[names.STEP][table[names.MODE] == names.TRAIN]
    return int(np.nanmax(steps)) if np.isfinite(steps).any() else 0
