"""The samples of each host while the run trained: from its first step to the end of its last.

Before and after, a GPU idles without anything being wrong, so rules on GPUs do not count it. A
sample is given out once a step is known that ends after it; of a run without any step all samples
are given out at its end.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from imageclf.profiler import names
from imageclf.profiler.recorded import EMPTY, Floats, Span, Stretch, Table

_OF_HOST = (names.CPU, names.IO_WAIT)
_OF_GPU = (names.GPU_UTILIZATION, names.GPU_MEMORY)
_ASIDE = (names.CHECKPOINT, names.EVALUATION)
_OF_STEP = (names.STEP, names.MODE, names.TOOK, *map(names.host_column, names.PHASES))


@dataclass(frozen=True)
class Part:
    """Samples of one host, with the steps of its processes during that time, and GPUs in use.

    Args:
        gpu_of: the GPUs that its processes name, by process; empty when none does.
        lead: training steps of the first process of the run, to name a time's step.
        spans: checkpoints and evaluations of all processes of the run during that time.
    """

    host: str
    samples: Table
    steps: Mapping[str, Table]
    gpu_of: Mapping[str, int]
    lead: Table
    spans: Sequence[Span] = field(default=())

    @property
    def used(self) -> frozenset[int]:
        """The GPUs that processes of the host name."""
        return frozenset(self.gpu_of.values())

    def step_at(self, at_s: float) -> int:
        """The training step that was going on, or the last one before; 0 when none is known."""
        place = int(np.searchsorted(self.lead.at_s, at_s, side="right")) - 1
        return int(self.lead[names.STEP][place]) if place >= 0 else 0


class WhileTraining:
    """Holds samples back until it is known that the run still trained."""

    def __init__(self) -> None:
        self._waiting: dict[str, Table] = {}
        self._steps: dict[str, Table] = {}
        self._gpu_of: dict[str, int] = {}
        self._spans: dict[Span, None] = {}
        self._begin_s, self._end_s = math.inf, -math.inf

    def take(self, seen: Stretch) -> list[Part]:
        """The samples up to here that are known to be of the training and were not given yet."""
        for name, facts in seen.workers.items():
            if isinstance(gpu := facts.get("gpu"), int):
                self._gpu_of[name] = gpu
        self._spans.update(dict.fromkeys(one for one in seen.spans if one.name in _ASIDE))
        for worker, table in seen.steps.items():
            if len(table):
                self._add_steps(worker, table)
        for host, table in seen.system.items():
            columns = [*_OF_HOST, *(names.gpu_column(n, of) for n in table.gpus for of in _OF_GPU)]
            self._waiting[host] = _joined(self._waiting.get(host, EMPTY), table, columns)
        return self._give(self._begin_s, self._end_s)

    def rest(self) -> list[Part]:
        """What is left at the end: everything of a run without steps, nothing of any other."""
        return [] if self._steps else self._give(-math.inf, math.inf)

    def _add_steps(self, worker: str, table: Table) -> None:
        known = self._steps.get(worker, EMPTY)
        ends_s = table.at_s + np.nan_to_num(table[names.TOOK]) / 1000
        self._begin_s = min(self._begin_s, float(table.at_s[0]))
        self._end_s = max(self._end_s, float(ends_s.max()))
        self._steps[worker] = _joined(known, table, _OF_STEP)

    def _give(self, begin_s: float, end_s: float) -> list[Part]:
        given = []
        for host, table in self._waiting.items():
            part = table.between(begin_s, end_s)
            if len(part):
                given.append(self._part(host, part))
                self._waiting[host] = _copied(table.between(end_s, math.inf))
        if given:
            before_s = max(float(part.samples.at_s[-1]) for part in given)
            self._forget_steps(before_s)
            left = (one for one in self._spans if one.at_s + one.took_s > before_s)
            self._spans = dict.fromkeys(left)
        return given

    def _part(self, host: str, samples: Table) -> Part:
        steps = {name: table for name, table in self._steps.items() if _host(name) == host}
        first = self._steps[min(self._steps, key=_rank)] if self._steps else EMPTY
        lead = first.where(first[names.MODE] == names.TRAIN)
        gpu_of = {name: gpu for name, gpu in self._gpu_of.items() if _host(name) == host}
        return Part(host, samples, steps, gpu_of, lead, tuple(self._spans))

    def _forget_steps(self, before_s: float) -> None:
        """Keep the steps from the last one of each mode that began by `before_s` on."""
        for worker, table in self._steps.items():
            begun = int(np.searchsorted(table.at_s, before_s, side="right"))
            keep = np.arange(len(table)) >= begun
            for mode in (names.TRAIN, names.EVAL):
                keep[np.flatnonzero(table[names.MODE][:begun] == mode)[-1:]] = True
            self._steps[worker] = table.where(keep)


def _host(worker: str) -> str:
    return worker.rpartition("-")[0]


def _rank(worker: str) -> tuple[int, str]:
    rank = worker.rpartition("-")[2]
    return int(rank) if rank.isdecimal() else 0, worker


def _joined(before: Table, after: Table, columns: Sequence[str]) -> Table:
    """Both, in the order of their times: what a process wrote late may belong before the rest."""
    wanted = dict.fromkeys((*before.columns, *columns))
    at_s: Floats = np.concatenate((before.at_s, after.at_s))
    joined = {name: np.concatenate((before[name], after[name])) for name in wanted}
    if not len(before) or not len(after) or before.at_s[-1] <= after.at_s[0]:
        return Table(at_s, joined)
    order = np.argsort(at_s, kind="stable")
    return Table(at_s[order], {name: one[order] for name, one in joined.items()})


def _copied(table: Table) -> Table:
    """The same rows, without keeping the larger table that they were cut from."""
    every: npt.NDArray[np.bool_] = np.ones(len(table), np.bool_)
    return table.where(every)
