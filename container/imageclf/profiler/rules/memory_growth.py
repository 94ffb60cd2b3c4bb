"""MemoryGrowth: the memory of the training keeps growing, after all that a start needs."""

from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Stretch, Table
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.scanned import Kept, ScannedRule
from imageclf.profiler.rules.trends import BLOCKS, Trend, trend
from imageclf.rules.parameters import RuleParameters

_WARM_UP = 0.25
"""Share of the samples, from then on, that are the warm-up too."""

_FIRST_STEPS = 10
"""Training steps in which allocators still take what they will keep, however long that lasts."""


class MemoryGrowthParameters(ProfilerParameters):
    """Per cent of what the training had, MiB, and samples."""

    increase: float = Field(10, ge=0)
    min_mib: float = Field(50, ge=0)
    patience: int = Field(60, ge=2 * BLOCKS)


class MemoryGrowth(ScannedRule):
    """The training's memory grew steadily by `increase` per cent, and at least `min_mib`.

    Of the samples from the tenth training step to the last, after which much is freed, the first
    quarter is left out. The rest is cut into eight blocks; the pace is the median of the slopes
    between the least values of all pairs of them (Theil 1950, Sen 1968), which single peaks do not
    move. The defaults: trainings that are well were found to grow by less than a tenth after their
    first quarter.
    """

    name = "MemoryGrowth"
    description = "Looks whether the memory of the training keeps growing."
    recommendation = (
        "Look for what is kept from step to step: losses with their graphs, lists of predictions, "
        "a cache of pictures without a bound."
    )

    Parameters = MemoryGrowthParameters
    parameters: MemoryGrowthParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._samples = Kept(names.OWN_MEMORY_MIB, names.MEMORY_MIB, names.MEMORY)
        self._settled_s: float | None = None
        self._trained_s = 0.0
        self._begun: dict[str, int] = {}
        self._step = 0

    def take(self, stretch: Stretch) -> None:
        for worker in stretch.steps:
            steps = stretch.train_steps(worker)
            self._step = max(self._step, int(np.nanmax(steps[names.STEP], initial=0)))
            self._settle(worker, steps)
        for host, table in stretch.system.items():
            self.looked += self._samples.add(host, table)

    def _settle(self, worker: str, steps: Table) -> None:
        """Note when the first process had its first steps behind it, and the last step began."""
        begun = self._begun.get(worker, 0)
        left = _FIRST_STEPS - begun
        if self._settled_s is None and 0 <= left < len(steps):
            self._settled_s = float(steps.at_s[left])
        self._trained_s = max(self._trained_s, float(steps.at_s.max(initial=0.0)))
        self._begun[worker] = begun + len(steps)

    def judge(self, at_s: float) -> Findings:
        for host in self._samples:
            trend = self._trend(host)
            if trend is None or not trend.is_steady:
                continue
            share = 100 * trend.growth / max(trend.begin, 1e-9)
            if share < self.parameters.increase or trend.growth < self.parameters.min_mib:
                continue
            pace = trend.slope_per_s * 3600
            yield self.tell(
                at_s=at_s,
                step=self._step,
                value=share,
                threshold=self.parameters.increase,
                where=host,
                found=(
                    f"The memory of the training on {host} grew by {trend.growth:.0f} MiB "
                    f"({share:.0f} %) in {trend.length_s:.0f} s, steadily."
                ),
                meaning=f"It grows by {pace:.0f} MiB an hour{self._until_full(host, trend)}.",
                advice=(
                    "Look for what is kept from step to step: losses with their graphs, lists of "
                    "predictions, a cache of pictures without a bound."
                ),
            )

    def details(self) -> dict[str, Any]:
        found = {}
        for host in self._samples:
            if trend := self._trend(host):
                found[host] = {
                    "begin_mib": trend.begin,
                    "growth_mib": trend.growth,
                    "mib_per_hour": trend.slope_per_s * 3600,
                    "steady": trend.is_steady,
                }
        return self.judged(self.triggered, nodes=found)

    def _trend(self, host: str) -> Trend | None:
        """After the warm-up; None when too little is known."""
        if self._settled_s is None:
            return None
        samples = self._samples[host].between(self._settled_s, self._trained_s)
        column = names.OWN_MEMORY_MIB if samples.has(names.OWN_MEMORY_MIB) else names.MEMORY_MIB
        samples = samples.where(np.isfinite(samples[column]))
        if len(samples) < self.parameters.patience:
            return None
        rest = np.arange(len(samples)) >= _WARM_UP * len(samples)
        return trend(samples.at_s[rest], samples[column][rest])

    def _until_full(self, host: str, trend: Trend) -> str:
        samples = self._samples[host]
        known = np.isfinite(samples[names.MEMORY]) & np.isfinite(samples[names.MEMORY_MIB])
        last = samples.where(known & (samples[names.MEMORY] > 0))
        if not len(last):
            return ""
        used_mib, share = float(last[names.MEMORY_MIB][-1]), float(last[names.MEMORY][-1])
        free_mib = used_mib * (100 / share - 1)
        return f"; at this pace nothing is left in {free_mib / trend.slope_per_s / 3600:.1f} hours"
