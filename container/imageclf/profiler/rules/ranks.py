"""SlowRank: one of several processes is slower, and all others wait for it."""

import math
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Stretch, Table
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.scanned import Kept, ScannedRule
from imageclf.rules.parameters import RuleParameters

_WARM_UP = 2

_FIRST = (names.DATA, names.COPY)
"""In these nobody waits for another process."""

_OWN = (*_FIRST, names.FORWARD, names.OPTIMISER)
"""In these a process works by itself for the most part; in backward it waits for the others'
gradients."""


class SlowRankParameters(ProfilerParameters):
    """In per cent of the step, and in training steps."""

    threshold: float = Field(15, gt=0)
    patience: int = Field(20, ge=3)


class SlowRank(ScannedRule):
    """A process takes longer than the others over what it does alone, by `threshold` % of the step.

    All processes' steps take as long as the slowest one's, since they average gradients in the
    backward pass. What tells them apart is the time up to there: waiting for pictures, copying,
    forward, and the optimiser (of the GPU where there is one); of the differences in each step
    between a process and the median of the others the median counts. The first process hands its
    buffers round as forward begins, so when it waits for pictures the others wait in forward:
    therefore waiting and copying are compared by themselves too.

    The default: processes on the same machine were found to differ by a few per cent.
    """

    name = "SlowRank"
    description = "Looks whether one process is slower than the others, so that they wait for it."
    recommendation = (
        "Look at the slow process's machine: other programs, throttling, heat, a slower disk."
    )

    Parameters = SlowRankParameters
    parameters: SlowRankParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._steps = Kept(
            names.STEP,
            names.MODE,
            names.TOOK,
            *map(names.host_column, names.PHASES),
            *map(names.device_column, names.DEVICE_PHASES),
        )

    def take(self, stretch: Stretch) -> None:
        for worker, table in stretch.steps.items():
            self._steps.add(worker, table)

    def judge(self, at_s: float) -> Findings:
        if len(list(self._steps)) < 2:
            return
        common, tables = self._aligned()
        if len(tables) < 2 or len(common) < self.parameters.patience:
            return
        self.looked = len(common)
        for worker, excess_ms in _excess_ms(tables).items():
            step_ms = float(np.median(tables[worker][names.TOOK]))
            share = 100 * excess_ms / step_ms if step_ms > 0 else math.nan
            if not share > self.parameters.threshold:
                continue
            phase = _worst_phase(worker, tables)
            yield self.tell(
                at_s=at_s,
                step=int(common[-1]),
                value=share,
                threshold=self.parameters.threshold,
                where=worker,
                found=(
                    f"{worker} takes {excess_ms:.1f} ms longer than the others in each "
                    f"{step_ms:.1f} ms step ({share:.0f} %), most of it in phase {phase}."
                ),
                meaning=f"The other {len(tables) - 1} wait for it in every step.",
                advice=f"{_advice(phase, worker)}.",
                phase=phase,
            )

    def missing(self) -> str:
        alone = len(list(self._steps)) < 2
        return "One process trained: not evaluated." if alone else super().missing()

    def details(self) -> dict[str, Any]:
        _, tables = self._aligned()
        excess_ms = _excess_ms(tables) if len(tables) > 1 else {}
        found = {
            worker: {
                "excess_ms": _known(excess_ms.get(worker, math.nan)),
                "phases_ms": {
                    phase: _known(_median(_phase(table, phase))) for phase in names.PHASES
                },
            }
            for worker, table in tables.items()
        }
        return self.judged(self.triggered, workers=found)

    def _aligned(self) -> tuple[Floats, dict[str, Table]]:
        """Training steps that all processes took, after the first ones."""
        tables = {}
        for worker in self._steps:
            table = self._steps[worker]
            chosen = table.where(
                (table[names.MODE] == names.TRAIN) & np.isfinite(table[names.STEP])
            )
            if len(chosen):
                _, first = np.unique(chosen[names.STEP], return_index=True)
                kept = np.zeros(len(chosen), bool)
                kept[first] = True
                tables[worker] = chosen.where(kept)
        if not tables:
            return np.empty(0), {}
        every = [set(table[names.STEP].tolist()) for table in tables.values()]
        common = np.array(sorted(set.intersection(*every))[_WARM_UP:])
        return common, {
            worker: table.where(np.isin(table[names.STEP], common))
            for worker, table in tables.items()
        }


def _excess_ms(tables: dict[str, Table]) -> dict[str, float]:
    """What each process takes longer than the others, by itself."""
    alone = {worker: _sum(table, _FIRST) for worker, table in tables.items()}
    own = {worker: _sum(table, _OWN) for worker, table in tables.items()}
    return {worker: max(_beyond(worker, alone), _beyond(worker, own)) for worker in tables}


def _beyond(worker: str, times_ms: dict[str, Floats]) -> float:
    others = np.stack([one for name, one in times_ms.items() if name != worker])
    beyond: Floats = times_ms[worker] - np.median(others, axis=0)
    return _median(beyond)


def _worst_phase(worker: str, tables: dict[str, Table]) -> str:
    beyond = {
        phase: _beyond(worker, {name: _phase(table, phase) for name, table in tables.items()})
        for phase in _OWN
    }
    return max(beyond, key=lambda phase: np.nan_to_num(beyond[phase]))


def _sum(table: Table, phases: tuple[str, ...]) -> Floats:
    found: Floats = np.nansum(np.stack([_phase(table, phase) for phase in phases]), axis=0)
    return found


def _phase(table: Table, phase: str) -> Floats:
    """Of the GPU where it has times for this phase: the host only asks, and goes on."""
    device = names.device_column(phase)
    return table[device] if table.has(device) else table[names.host_column(phase)]


def _advice(phase: str, worker: str) -> str:
    if phase == names.DATA:
        return f"Look at what {worker} reads from: its disk, its readers, the size of its files"
    return f"Look at the machine of {worker}: other programs, throttling, heat, a slower clock"


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
