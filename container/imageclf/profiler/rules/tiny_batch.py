"""TinyBatch: much of each step does not depend on how many pictures it learns from."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Stretch, Table
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.scanned import Kept, ScannedRule, count
from imageclf.rules.parameters import RuleParameters

_WARM_UP = 2
_ALIKE = 1.5
"""Two sizes of batches tell nothing when one is less than so many times the other."""

_OF_EACH = 3
"""Steps of each size that a comparison needs."""

_WANTED = 0.1
"""Share of the step that may be fixed cost with the batch that is advised."""

_MOST = 512

_BEST = 0.1
"""Quantile of the steps that is held against what was measured at its best: calling an operator."""


class TinyBatchParameters(ProfilerParameters):
    """In per cent of the step without waiting, and in training steps."""

    threshold: float = Field(20, ge=0, le=100)
    patience: int = Field(20, ge=1)


@dataclass(frozen=True)
class _Cost:
    """What a step costs however few pictures it has, and by what that is known."""

    images: float
    fixed_ms: float
    step_ms: float
    basis: str

    @property
    def share(self) -> float:
        return 100 * min(1.0, self.fixed_ms / self.step_ms) if self.step_ms > 0 else math.nan

    @property
    def wanted_images(self) -> int:
        """The next power of two with which little of the step is fixed cost."""
        each_ms = max((self.step_ms - self.fixed_ms) / self.images, 1e-6)
        enough = self.fixed_ms * (1 - _WANTED) / _WANTED / each_ms
        return int(min(_MOST, 2 ** math.ceil(math.log2(max(enough, 2 * self.images)))))

    def saved_share(self, images: int) -> float:
        """Per cent of the time for each picture that batches of `images` save."""
        each_ms = (self.step_ms - self.fixed_ms) / self.images
        then_ms = each_ms + self.fixed_ms / images
        return 100 * (1 - then_ms / (self.step_ms / self.images))


class TinyBatch(ScannedRule):
    """More than `threshold` % of the step, without waiting, costs the same for any batch.

    On a GPU that is the time in which it stands idle between kernels that are launched one by one.
    On a CPU it is what steps of a smaller batch (the last of an epoch) tell, where there are some;
    else the number of operators times what calling one costs, both measured before the first
    step, and the optimiser.

    The default: at 20 % a batch twice as large saves 10 % of the time for each picture; calling an
    operator is measured with the cheapest one, so the count tells less than the truth.
    """

    name = "TinyBatch"
    description = "Looks how much of a step costs the same however few pictures it has."
    recommendation = "Set batch-size higher, and the learning rate with it."

    Parameters = TinyBatchParameters
    parameters: TinyBatchParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._steps = Kept(*names.STEP_COLUMNS)
        self._machine: dict[str, Any] = {}
        self._train_images: dict[str, int] = {}

    def take(self, stretch: Stretch) -> None:
        self._machine = dict(stretch.machine) or self._machine
        for worker, table in stretch.steps.items():
            self._steps.add(worker, table)
        for worker, facts in stretch.workers.items():
            self._train_images[worker] = count(facts.get("train_images")) or _MOST

    def judge(self, at_s: float) -> Findings:
        for worker in self._steps:
            table = self._train(worker)
            cost = self._cost(table)
            if len(table) < self.parameters.patience or cost is None:
                continue
            self.looked = max(self.looked, len(table))
            if not cost.share > self.parameters.threshold:
                continue
            wanted = min(cost.wanted_images, self._train_images.get(worker, _MOST))
            yield self.tell(
                at_s=at_s,
                step=int(table[names.STEP][-1]),
                value=cost.share,
                threshold=self.parameters.threshold,
                where=worker,
                found=(
                    f"{cost.fixed_ms:.1f} ms of each {cost.step_ms:.1f} ms step of {worker} "
                    f"({cost.share:.0f} %) do not depend on its {cost.images:.0f} "
                    f"picture{'s' if cost.images > 1 else ''}."
                ),
                meaning=f"The batch is too small to keep the machine busy; so says {cost.basis}.",
                advice=(
                    f"Set batch-size={wanted} for each process, which saves about "
                    f"{cost.saved_share(wanted):.0f} % of the time for each picture, and raise lr "
                    "with it."
                ),
                wanted_batch_size=wanted,
            )

    def details(self) -> dict[str, Any]:
        found = {}
        for worker in self._steps:
            if cost := self._cost(self._train(worker)):
                found[worker] = {
                    "images": cost.images,
                    "fixed_ms": cost.fixed_ms,
                    "step_ms": cost.step_ms,
                    "share": cost.share if math.isfinite(cost.share) else None,
                    "basis": cost.basis,
                }
        return self.judged(self.triggered, workers=found)

    def missing(self) -> str:
        return "Nothing tells what a step costs with fewer pictures: not evaluated."

    def _train(self, worker: str) -> Table:
        table = self._steps[worker]
        whole = np.isfinite(table[names.TOOK]) & (table[names.IMAGES] > 0)
        chosen = table.where((table[names.MODE] == names.TRAIN) & whole)
        return chosen.where(np.arange(len(chosen)) >= _WARM_UP)

    def _cost(self, table: Table) -> _Cost | None:
        if not len(table):
            return None
        without_ms = table[names.TOOK] - np.nan_to_num(table[names.host_column(names.DATA)])
        images = float(np.median(table[names.IMAGES]))
        usual = table[names.IMAGES] == images
        if not usual.any():
            return None
        step_ms = float(np.median(without_ms[usual]))
        if any(table.has(names.device_column(phase)) for phase in names.DEVICE_PHASES):
            return _Cost(images, _idle_ms(table.where(usual), step_ms), step_ms, "the GPU's time")
        fitted = _fitted_ms(table[names.IMAGES], without_ms, images)
        if fitted is not None:
            return _Cost(images, fitted, step_ms, "a comparison with smaller batches")
        counted = self._counted_ms(table)
        if counted is None:
            return None
        best_ms = float(np.quantile(without_ms[usual], _BEST))
        return _Cost(images, min(counted, best_ms), best_ms, "the count of operators")

    def _counted_ms(self, table: Table) -> float | None:
        """From what calling an operator costs; None when that was not measured."""
        step = self._machine.get("step")
        operators = step.get("operators") if isinstance(step, dict) else None
        each_us = self._machine.get("operator_us")
        if not isinstance(each_us, int | float) or not math.isfinite(each_us):
            return None
        if not count(operators):
            return None
        optimiser = np.nan_to_num(table[names.host_column(names.OPTIMISER)])
        return count(operators) * each_us / 1000 + float(np.quantile(optimiser, _BEST))


def _idle_ms(table: Table, step_ms: float) -> float:
    """Time of a step in which the GPU had nothing to do."""
    columns = [table[names.device_column(phase)] for phase in names.DEVICE_PHASES]
    busy: Floats = np.nansum(np.stack(columns), axis=0)
    return max(0.0, step_ms - float(np.median(busy)))


def _fitted_ms(images: Floats, took_ms: Floats, usual: float) -> float | None:
    """What a line through the steps of the usual size and of a smaller one has at no pictures.

    None when there are too few of them, or when the smaller ones took as long: then other work on
    the machine says more than the pictures.
    """
    sizes, counts = np.unique(images, return_counts=True)
    smaller = sizes[(counts >= _OF_EACH) & (sizes * _ALIKE <= usual)]
    if not len(smaller):
        return None
    fewer = float(smaller[0])
    usual_ms = float(np.median(took_ms[images == usual]))
    fewer_ms = float(np.median(took_ms[images == fewer]))
    if fewer_ms >= usual_ms:
        return None
    each_ms = (usual_ms - fewer_ms) / (usual - fewer)
    return float(np.clip(usual_ms - each_ms * usual, 0.0, usual_ms))
