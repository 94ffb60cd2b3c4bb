"""StepOutlier: steps that take much longer than the others, and in which phase they lose time."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from imageclf.profiler import names
from imageclf.profiler.percentiles import percentiles
from imageclf.profiler.recorded import Floats, Stretch, Table
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.scanned import Kept, ScannedRule
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import MaybeText, RuleParameters

MODES = {"TRAIN": names.TRAIN, "EVAL": names.EVAL}

_WARM_UP = 5
"""First steps of each mode that are no part of mean and deviation: one of half a minute, in which
something is compiled or loaded, would hide all that comes later."""

_BINS = 100
_MOST_SHOWN = 1000
"""Outliers whose steps are listed, the longest."""

_ADVICE = {
    names.DATA: "more workers, or a faster disk, even out the reading",
    names.COPY: "see what else uses the way to the GPU at these steps",
    names.HOOK: "raise debug-interval, so that fewer steps are saved",
    names.OTHER: "write checkpoints less often (checkpoint-minutes), and see what else runs then",
}
_ELSE = "see in the report what the machine did at these steps: other programs, throttling, swap"


class StepOutlierParameters(ProfilerParameters):
    """As documented; of ours are `min_share`, per cent, and `patience`, steps."""

    stddev: float = Field(3, gt=0)
    mode: MaybeText = None
    n_outliers: int = Field(10, ge=0)
    min_share: float = Field(0, ge=0, le=100)
    patience: int = Field(100, ge=1)

    @field_validator("mode")
    @classmethod
    def _known(cls, mode: str | None) -> str | None:
        plain = mode.rpartition(".")[2].strip().upper() if mode else None
        if plain is not None and plain not in MODES:
            raise ValueError("it is TRAIN, EVAL or None")
        return plain


class StepOutlier(ScannedRule):
    """More than `n_outliers` steps of a mode take longer than mean + `stddev` deviations.

    As the managed service computed it (mean and population standard deviation of all steps of a
    process and mode so far, judged from more than 100 on), except that the first five steps are
    left out. Two parameters of ours, without effect by default: of a long run some steps are always
    beyond three deviations, so `min_share` asks that the outliers cost at least that many per cent
    of the time; `patience` is the number of steps beyond which it is judged.
    """

    name = "StepOutlier"
    description = "Looks for steps that take much longer than the others."
    recommendation = (
        "See in which phase the long steps lose their time, and what the machine did then."
    )

    Parameters = StepOutlierParameters
    parameters: StepOutlierParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._kept = Kept(names.STEP, names.MODE, names.TOOK, *map(names.host_column, names.PHASES))

    def take(self, stretch: Stretch) -> None:
        for worker, table in stretch.steps.items():
            self.looked += self._kept.add(worker, table)

    def judge(self, at_s: float) -> Findings:
        given = self.parameters
        for series in self._series():
            enough = len(series.table) > given.patience
            if enough and series.count > given.n_outliers and series.share >= given.min_share:
                yield self._found(at_s, series)

    def details(self) -> dict[str, Any]:
        found = [series.figures() for series in self._series()]
        violations = sum(one["number_of_outliers"] for one in found)
        return self.judged(violations, step_details=found)

    def _series(self) -> Iterator["_Series"]:
        modes = [self.parameters.mode] if self.parameters.mode else list(MODES)
        for worker in self._kept:
            table = self._kept[worker]
            for mode in modes:
                chosen = (table[names.MODE] == MODES[mode]) & np.isfinite(table[names.TOOK])
                if chosen.any():
                    yield _Series(worker, mode, table.where(chosen), self.parameters.stddev)

    def _found(self, at_s: float, series: "_Series") -> Finding:
        lost_ms, phase = series.lost_ms, series.worst_phase
        return self.tell(
            at_s=at_s,
            step=series.last_step,
            mode=series.mode,
            value=series.count,
            threshold=self.parameters.n_outliers,
            where=f"{series.worker} {series.mode}",
            found=(
                f"{series.count} of {len(series.table)} {series.mode} steps of {series.worker} "
                f"took longer than {series.threshold_ms:.1f} ms; {series.usual_ms:.1f} ms are "
                "usual."
            ),
            meaning=f"They cost {series.share:.1f} % of the time of these steps.",
            advice=(
                f"They lose {lost_ms.get(phase, 0.0):.0f} ms each in phase {phase}: "
                f"{_ADVICE.get(phase, _ELSE)}."
            ),
            phase=phase,
            share=series.share,
        )


class _Series:
    """The steps of one mode of one process, and which of them are outliers."""

    def __init__(self, worker: str, mode: str, table: Table, stddev: float) -> None:
        self.worker, self.mode, self.table = worker, mode, table
        self.took_ms: Floats = table[names.TOOK]
        first = _WARM_UP if len(table) > 2 * _WARM_UP else 0
        settled = self.took_ms[first:]
        self.threshold_ms = float(settled.mean() + stddev * settled.std())
        self.usual_ms = float(np.median(self.took_ms))
        late = np.arange(len(table)) >= first
        self.outliers: npt.NDArray[np.bool_] = late & (self.took_ms > self.threshold_ms)
        self.count = int(self.outliers.sum())

    @property
    def share(self) -> float:
        """Per cent of the time that the outliers take beyond what is usual."""
        total_ms = float(self.took_ms.sum())
        beyond_ms = float((self.took_ms[self.outliers] - self.usual_ms).sum())
        return 100 * beyond_ms / total_ms if total_ms > 0 else 0.0

    @cached_property
    def lost_ms(self) -> dict[str, float]:
        """What an outlier takes longer than usual in each phase, on average."""
        found = {}
        for phase in names.PHASES:
            column = self.table[names.host_column(phase)]
            if self.count and np.isfinite(column).all():
                found[phase] = float(column[self.outliers].mean() - np.median(column))
        return found

    @property
    def worst_phase(self) -> str:
        """In which the outliers lose most."""
        return max(self.lost_ms, key=lambda name: self.lost_ms[name], default=names.OTHER)

    @property
    def last_step(self) -> int:
        """Number of the last outlier."""
        steps = self.table[names.STEP][self.outliers]
        return int(np.nan_to_num(steps[-1])) if len(steps) else 0

    def figures(self) -> dict[str, Any]:
        """For the report; those that the managed service had under its names."""
        counts, edges = np.histogram(self.took_ms[~self.outliers], bins=_BINS)
        longest = np.flatnonzero(self.outliers)
        order = np.argsort(-self.took_ms[longest], kind="stable")
        shown = np.sort(longest[order][:_MOST_SHOWN])
        return {
            "node": self.worker,
            "phase": self.mode,
            "step_stats": {
                "mean": float(self.took_ms.mean()),
                **percentiles(self.took_ms).as_json(),
            },
            "stddev": float(self.took_ms.std()),
            "threshold_ms": self.threshold_ms,
            "number_of_outliers": self.count,
            "share": self.share,
            "phases_lost_ms": self.lost_ms,
            "probs": counts.tolist(),
            "binedges": edges.tolist(),
            "step_numbers": np.nan_to_num(self.table[names.STEP][shown]).astype(int).tolist(),
            "outliers_at_s": self.table.at_s[shown].tolist(),
            "outliers_ms": self.took_ms[shown].tolist(),
        }
