"""What was measured, as rules, advice and report look at it: tables over one time axis.

Times are seconds since the run began, on all hosts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Rows in the order of their times `at_s` [N]; a column that was not recorded is NaN."""

    at_s: Floats
    columns: Mapping[str, Floats] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.at_s)

    def __getitem__(self, name: str) -> Floats:
        column = self.columns.get(name)
        return np.full(len(self), np.nan) if column is None else column

    def has(self, name: str) -> bool:
        """Whether the column holds a number."""
        return name in self.columns and bool(np.isfinite(self.columns[name]).any())

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Table":
        """The rows that are `chosen` [N]."""
        return Table(self.at_s[chosen], {name: one[chosen] for name, one in self.columns.items()})

    def between(self, begin_s: float, end_s: float) -> "Table":
        """The rows from `begin_s` on and before `end_s`."""
        first, last = np.searchsorted(self.at_s, (begin_s, end_s))
        part = slice(int(first), int(last))
        return Table(self.at_s[part], {name: one[part] for name, one in self.columns.items()})

    @property
    def gpus(self) -> list[int]:
        """The GPUs that this host's samples tell of."""
        return self._numbers("gpu", f"_{names.GPU_UTILIZATION}")

    @property
    def cores(self) -> list[int]:
        """The cores that this host's samples tell of."""
        return self._numbers(names.CPU, "")

    def _numbers(self, before: str, behind: str) -> list[int]:
        """The numbers between `before` and `behind` in the names of columns."""
        pattern = re.compile(f"{before}([0-9]{{1,4}}){behind}")
        return sorted(int(found[1]) for found in map(pattern.fullmatch, self.columns) if found)


EMPTY = Table(np.empty(0))


@dataclass(frozen=True)
class Span:
    """Something that took its time once: initialisation, a checkpoint, an evaluation."""

    name: str
    at_s: float
    took_s: float
    worker: str = ""


@dataclass(frozen=True)
class Stretch:
    """All that began within some seconds of a run.

    Args:
        number: counts the stretches from 0.
        system: samples of each host.
        steps: of each process, named `HOST-RANK`.
        reads: batches that were read, of each process.
        workers: facts about each process, as `collect` wrote them: `rank`, `device`, `cores`,
            `batch_size` and so on.
        machine: what the machine can do and the model asks of it; empty when it was not measured.
    """

    number: int
    begin_s: float
    end_s: float
    system: Mapping[str, Table] = field(default_factory=dict)
    steps: Mapping[str, Table] = field(default_factory=dict)
    reads: Mapping[str, Table] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    workers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)

    def train_steps(self, worker: str) -> Table:
        """The training steps of one process."""
        table = self.steps.get(worker, EMPTY)
        return table.where(table[names.MODE] == names.TRAIN)

    @property
    def has_gpu(self) -> bool:
        """Whether any host has samples of a GPU."""
        return any(table.gpus for table in self.system.values())
