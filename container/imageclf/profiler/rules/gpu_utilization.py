"""GPUs that do little, or now much and now nothing."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler.rules import gpu
from imageclf.profiler.rules.figures import Series, percentiles
from imageclf.profiler.rules.gpu import Gpu, GpuRule, PatientParameters
from imageclf.profiler.rules.while_training import Part
from imageclf.profiler.rules.windows import Windows
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

UNDER_USED, FLUCTUATING = "under-used", "fluctuating"

_IDLE_PERCENT = 1.0


class LowGPUUtilizationParameters(PatientParameters):
    """Per cent; `window` in data points."""

    threshold_p95: float = Field(70.0, ge=0, le=100)
    threshold_p5: float = Field(10.0, ge=0, le=100)
    window: int = Field(500, gt=0)


class LowGPUUtilization(GpuRule):
    """The 95th percentile of a GPU's utilisation is low, or it is high and the 5th very low.

    Each GPU is judged by itself, window by window; the first window of each kind is told, all are
    counted.
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
        }

    def _judge(self, which: Gpu, part: Part) -> Iterator[Finding]:
        given = self.parameters
        at_s, rows = gpu.known_rows(part.samples, [gpu.utilization(which[1])])
        self._series.setdefault(which, Series()).add(at_s, rows[:, 0])
        windows = self._windows.setdefault(which, Windows(given.patience, given.window))
        ends_s, judged = windows.add(at_s, rows)
        self.count(windows.count)
        low, high = np.percentile(judged[:, :, 0], (5, 95), axis=1) if len(judged) else ((), ())
        for end_s, p5, p95 in zip(ends_s, low, high, strict=True):
            self.is_judged = True
            yield from self._window(which, part, float(end_s), float(p5), float(p95))

    def _window(
        self, which: Gpu, part: Part, at_s: float, p5: float, p95: float
    ) -> Iterator[Finding]:
        given = self.parameters
        kinds = self._kinds.setdefault(which, Counter())
        kinds["judged"] += 1
        if p95 < given.threshold_p95:
            kind = UNDER_USED
        elif p5 < given.threshold_p5:
            kind = FLUCTUATING
        else:
            return
        self.violations += 1
        self.triggered += 1
        kinds[kind] += 1
        self._last[which] = {"gpu_95": p95, "gpu_5": p5, "at_s": at_s}
        if kinds[kind] == 1:
            say = self._under_used if kind == UNDER_USED else self._fluctuating
            yield say(which, at_s, part.step_at(at_s), p5, p95)

    def _under_used(self, which: Gpu, at_s: float, step: int, p5: float, p95: float) -> Finding:
        idle = p95 < _IDLE_PERCENT
        return self.tell(
            at_s=at_s,
            step=step,
            value=p95,
            threshold=self.parameters.threshold_p95,
            where=gpu.said(which),
            found=f"{gpu.said(which)} was {'idle' if idle else 'used little'}: in 95 % of "
            f"{self.parameters.window} samples its utilisation was at most {p95:.0f} %.",
            meaning="A GPU that costs the same whether it works or not does nothing for this run."
            if idle
            else "The GPU could do more in the same time; something else limits the training.",
            advice="Train with one process for each GPU, or take an instance with fewer GPUs."
            if idle
            else "Make batches larger, read data with more workers, or take a smaller instance.",
            kind=UNDER_USED,
            p5=p5,
            p95=p95,
        )

    def _fluctuating(self, which: Gpu, at_s: float, step: int, p5: float, p95: float) -> Finding:
        return self.tell(
            at_s=at_s,
            step=step,
            value=p5,
            threshold=self.parameters.threshold_p5,
            where=gpu.said(which),
            found=f"The utilisation of {gpu.said(which)} fluctuated between {p5:.0f} % and "
            f"{p95:.0f} % (5th and 95th percentile of {self.parameters.window} samples).",
            meaning="The GPU works in bursts and waits between them, for data as a rule.",
            advice="Look at the data wait of the steps; read with more workers, or decode less.",
            kind=FLUCTUATING,
            p5=p5,
            p95=p95,
        )
