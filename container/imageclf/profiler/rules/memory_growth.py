"""MemoryGrowth: the memory of the training keeps growing, after all that a start needs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Stretch, Table
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.scanned import Kept, ScannedRule
from imageclf.rules.parameters import RuleParameters

_WARM_UP = 0.25
"""Share of the samples, from then on, that are the warm-up too."""

_FIRST_STEPS = 10
"""Training steps in which allocators still take what they will keep, however long that lasts."""

_BLOCKS = 8
"""What is left is cut into so many; of each the least counts, since what is freed again is no
leak."""

_RISING = _BLOCKS - 2
"""So many of the steps from block to block must rise; one may fall, by less than they rise."""

_AS_FAST = 0.25
"""The second half must rise at least at this share of the whole's pace; a warm-up flattens."""


class MemoryGrowthParameters(ProfilerParameters):
    """Per cent of what the training had, MiB, and samples."""

    increase: float = Field(10, ge=0)
    min_mib: float = Field(50, ge=0)
    patience: int = Field(60, ge=2 * _BLOCKS)


@dataclass(frozen=True)
class _Trend:
    """A series in blocks: their least values, and a line through them."""

    begin_mib: float
    slope_mib_s: float
    length_s: float
    is_steady: bool

    @property
    def growth_mib(self) -> float:
        return self.slope_mib_s * self.length_s


class MemoryGrowth(ScannedRule):
    """The training's memory grew steadily by `increase` per cent, and at least `min_mib`.

    Of the samples since the tenth training step the first quarter is left out. The rest is cut into
    eight blocks; the pace is the median of the slopes between the least values of all pairs of them
    (Theil 1950, Sen 1968), which single peaks do not move. The defaults: trainings that are well
    were found to grow by less than a tenth after their first quarter.
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
        """Note when the first process had its first steps behind it."""
        begun = self._begun.get(worker, 0)
        left = _FIRST_STEPS - begun
        if self._settled_s is None and 0 <= left < len(steps):
            self._settled_s = float(steps.at_s[left])
        self._begun[worker] = begun + len(steps)

    def judge(self, at_s: float) -> Findings:
        for host in self._samples:
            trend = self._trend(host)
            if trend is None or not trend.is_steady:
                continue
            share = 100 * trend.growth_mib / max(trend.begin_mib, 1e-9)
            if share < self.parameters.increase or trend.growth_mib < self.parameters.min_mib:
                continue
            pace = trend.slope_mib_s * 3600
            yield self.tell(
                at_s=at_s,
                step=self._step,
                value=share,
                threshold=self.parameters.increase,
                where=host,
                found=(
                    f"The memory of the training on {host} grew by {trend.growth_mib:.0f} MiB "
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
                    "begin_mib": trend.begin_mib,
                    "growth_mib": trend.growth_mib,
                    "mib_per_hour": trend.slope_mib_s * 3600,
                    "steady": trend.is_steady,
                }
        return self.judged(self.triggered, nodes=found)

    def _trend(self, host: str) -> _Trend | None:
        """After the warm-up; None when too little is known."""
        if self._settled_s is None:
            return None
        samples = self._samples[host].between(self._settled_s, np.inf)
        column = names.OWN_MEMORY_MIB if samples.has(names.OWN_MEMORY_MIB) else names.MEMORY_MIB
        samples = samples.where(np.isfinite(samples[column]))
        if len(samples) < self.parameters.patience:
            return None
        rest = np.arange(len(samples)) >= _WARM_UP * len(samples)
        return trend(samples.where(rest), column)

    def _until_full(self, host: str, trend: _Trend) -> str:
        samples = self._samples[host]
        known = np.isfinite(samples[names.MEMORY]) & np.isfinite(samples[names.MEMORY_MIB])
        last = samples.where(known & (samples[names.MEMORY] > 0))
        if not len(last):
            return ""
        used_mib, share = float(last[names.MEMORY_MIB][-1]), float(last[names.MEMORY][-1])
        free_mib = used_mib * (100 / share - 1)
        return f"; at this pace nothing is left in {free_mib / trend.slope_mib_s / 3600:.1f} hours"


def trend(samples: Table, column: str) -> _Trend:
    """Of at least as many samples as there are blocks, all known."""
    blocks = np.array_split(np.arange(len(samples)), _BLOCKS)
    least = np.array([samples[column][block].min() for block in blocks])
    at_s = np.array([samples.at_s[block].mean() for block in blocks])
    first, second = np.triu_indices(_BLOCKS, 1)
    slopes = (least[second] - least[first]) / np.maximum(at_s[second] - at_s[first], 1e-9)
    slope = float(np.median(slopes))
    late = (least[-1] - least[_BLOCKS // 2]) / max(at_s[-1] - at_s[_BLOCKS // 2], 1e-9)
    rises = np.diff(least)
    rising = int((rises > 0).sum())
    falls_little = bool((rises > -slope * np.diff(at_s)).all())
    return _Trend(
        float(least[0]),
        slope,
        float(samples.at_s[-1] - samples.at_s[0]),
        bool(slope > 0 and rising >= _RISING and falls_little and late >= _AS_FAST * slope),
    )
