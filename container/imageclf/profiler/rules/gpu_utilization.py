"""GPUs that do little, or now much and now nothing."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler.recorded import Floats
from imageclf.profiler.rules import gpu
from imageclf.profiler.rules.figures import Series, percentiles
from imageclf.profiler.rules.gpu import Gpu, GpuRule, PatientParameters
from imageclf.profiler.rules.standing_still import CAUSES, StandingStill, causes
from imageclf.profiler.rules.while_training import Part
from imageclf.profiler.rules.windows import Windows
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

UNDER_USED, FLUCTUATING = "under-used", "fluctuating"

_IDLE_PERCENT = 1.0

_LEAST_WINDOWS, _LEAST_S = 2, 30.0
"""Of a GPU that fluctuates: one stall may reach over the edge of a window, and of short windows two
stalls of the first minute, when much is done for the first time, are many."""


class LowGPUUtilizationParameters(PatientParameters):
    """Per cent; `window` in data points.

    `min_windows` is ours: the share of a GPU's windows so far that must be low before it is told.
    """

    threshold_p95: float = Field(70.0, ge=0, le=100)
    threshold_p5: float = Field(10.0, ge=0, le=100)
    window: int = Field(500, gt=0)
    min_windows: float = Field(0.0, ge=0, le=100)


class LowGPUUtilization(GpuRule):
    """The 95th percentile of a GPU's utilisation is low, or it is high and the 5th very low.

    Each GPU is judged by itself, window by window; the first window of each kind is told, all are
    counted. With `min_windows` it is the first by which that share of the windows is of the kind,
    and of those that fluctuate two at least, with pauses that lie half a minute apart.
    """

    name = "LowGPUUtilization"
    description = (
        "Looks for GPUs that are used little, or whose use falls to nothing again and again."
    )
    recommendation = (
        "Find what the GPU waits for (data, small batches, pauses between steps) in the sections "
        "on bottlenecks and steps, or take a smaller instance."
    )
    Parameters = LowGPUUtilizationParameters
    parameters: LowGPUUtilizationParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._windows: dict[Gpu, Windows] = {}
        self._series: dict[Gpu, Series] = {}
        self._kinds: dict[Gpu, Counter[str]] = {}
        self._last: dict[Gpu, dict[str, float]] = {}
        self._still: dict[Gpu, StandingStill] = {}
        self._told: set[tuple[Gpu, str]] = set()

    def judge(self, part: Part) -> Iterator[Finding]:
        for number in part.samples.gpus:
            yield from self._judge((part.host, number), part)

    def details(self) -> dict[str, Any]:
        return {
            **self.managed(gpu.by_host(self._last)),
            "utilization": gpu.by_host(
                {each: percentiles(one.values) for each, one in self._series.items()}
            ),
            "boxes": gpu.by_host({each: one.boxes() for each, one in self._series.items()}),
            "windows": gpu.by_host({each: dict(one) for each, one in self._kinds.items()}),
            "pauses": gpu.by_host({each: one.as_json() for each, one in self._still.items()}),
        }

    def _judge(self, which: Gpu, part: Part) -> Iterator[Finding]:
        given = self.parameters
        at_s, rows = gpu.known_rows(part.samples, [gpu.utilization(which[1])])
        self._series.setdefault(which, Series()).add(at_s, rows[:, 0])
        windows = self._windows.setdefault(
            which, Windows(given.patience, given.window, 2 + len(CAUSES))
        )
        ends_s, judged = windows.add(at_s, self._with_causes(which, part, at_s, rows))
        self.count(windows.count)
        for end_s, window in zip(ends_s, judged, strict=True):
            self.is_judged = True
            yield from self._window(which, part, float(end_s), window)

    def _with_causes(self, which: Gpu, part: Part, at_s: Floats, rows: Floats) -> Floats:
        """The rows with their times, and what the training did while the GPU stood still."""
        still = rows[:, 0] < self.parameters.threshold_p5
        found: Floats = np.full((len(rows), len(CAUSES)), np.nan)
        found[still] = causes(part, which[1], at_s[still])
        return np.hstack((rows, at_s[:, None], found))

    def _window(self, which: Gpu, part: Part, at_s: float, window: Floats) -> Iterator[Finding]:
        given = self.parameters
        kinds = self._kinds.setdefault(which, Counter())
        kinds["judged"] += 1
        low, high = np.percentile(window[:, 0], (5, 95))
        p5, p95 = float(low), float(high)
        if p95 < given.threshold_p95:
            kind = UNDER_USED
        elif p5 < given.threshold_p5:
            kind = FLUCTUATING
            still = window[window[:, 0] < given.threshold_p5, 1:]
            self._still.setdefault(which, StandingStill()).add(still[:, 0], still[:, 1:])
        else:
            return
        self.violations += 1
        self.triggered += 1
        kinds[kind] += 1
        self._last[which] = {"gpu_95": p95, "gpu_5": p5, "at_s": at_s}
        if (which, kind) not in self._told and self._is_enough(which, kind):
            self._told.add((which, kind))
            say = self._under_used if kind == UNDER_USED else self._fluctuating
            yield say(which, at_s, part.step_at(at_s), p5, p95)

    def _is_enough(self, which: Gpu, kind: str) -> bool:
        """Whether windows of this kind are no exception."""
        share, kinds = self.parameters.min_windows, self._kinds[which]
        if share and kind == FLUCTUATING:
            still = self._still[which]
            if kinds[kind] < _LEAST_WINDOWS or still.end_s - still.begin_s < _LEAST_S:
                return False
        return 100 * kinds[kind] >= share * kinds["judged"]

    def _windows_said(self, which: Gpu, kind: str) -> str:
        kinds = self._kinds[which]
        return f"{kinds[kind]} of {kinds['judged']} windows of {self.parameters.window} samples"

    def _under_used(self, which: Gpu, at_s: float, step: int, p5: float, p95: float) -> Finding:
        idle = p95 < _IDLE_PERCENT
        return self.tell(
            at_s=at_s,
            step=step,
            value=p95,
            threshold=self.parameters.threshold_p95,
            where=gpu.said(which),
            found=f"{gpu.said(which)} was {'idle' if idle else 'used little'} in "
            f"{self._windows_said(which, UNDER_USED)}: for 95 % of the time its utilisation was at "
            f"most {p95:.0f} %.",
            **(_IDLE if idle else _LITTLE),
            kind=UNDER_USED,
            p5=p5,
            p95=p95,
            windows=dict(self._kinds[which]),
        )

    def _fluctuating(self, which: Gpu, at_s: float, step: int, p5: float, p95: float) -> Finding:
        still = self._still[which]
        return self.tell(
            at_s=at_s,
            step=step,
            value=p5,
            threshold=self.parameters.threshold_p5,
            where=gpu.said(which),
            found=f"The utilisation of {gpu.said(which)} fluctuated in "
            f"{self._windows_said(which, FLUCTUATING)}, between {p5:.0f} % and {p95:.0f} % (5th "
            "and 95th percentile).",
            **still.words,
            kind=FLUCTUATING,
            p5=p5,
            p95=p95,
            windows=dict(self._kinds[which]),
            pauses=still.as_json(),
        )


_IDLE = {
    "meaning": "A GPU that costs the same whether it works or not does nothing for this run.",
    "advice": "Train with one process for each GPU, or take an instance with fewer GPUs.",
}
_LITTLE = {
    "meaning": "The GPU could do more in the same time; something else limits the training.",
    "advice": "Make batches larger, read data with more workers, or take a smaller instance.",
}
