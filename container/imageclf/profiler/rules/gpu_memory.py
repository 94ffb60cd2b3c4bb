"""Memory of a GPU that grows."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.rules import gpu
from imageclf.profiler.rules.figures import Series, percentiles
from imageclf.profiler.rules.gpu import Gpu, GpuRule, PatientParameters
from imageclf.profiler.rules.while_training import Part
from imageclf.profiler.rules.windows import Windows
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters


class GPUMemoryIncreaseParameters(PatientParameters):
    """Percentage points of the GPU's memory; `window` in data points."""

    increase: float = Field(5.0, gt=0, le=100)
    window: int = Field(10, gt=0)


class GPUMemoryIncrease(GpuRule):
    """The moving average of a GPU's memory rises by more than `increase` points.

    The managed service compared each average with the one before it, which no slow leak can break.
    Here each is compared with the mark of its GPU: the average of the first window that was judged,
    and after a finding the one that was too high. A fall does not lower the mark, so that memory
    that comes and goes with evaluations is told once at most.
    """

    name = "GPUMemoryIncrease"
    description = "Looks for GPU memory that rises while the run trains."
    recommendation = (
        "Look for tensors that are kept from step to step (a loss summed without `.item()`, lists "
        "of outputs), before the GPU has no memory left."
    )
    needs = (names.GPU_MEMORY,)
    Parameters = GPUMemoryIncreaseParameters
    parameters: GPUMemoryIncreaseParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._windows: dict[Gpu, Windows] = {}
        self._marks: dict[Gpu, tuple[float, float]] = {}
        self._series: dict[Gpu, Series] = {}
        self._highest: dict[Gpu, float] = {}
        self._rises: dict[Gpu, dict[str, float]] = {}

    def judge(self, part: Part) -> Iterator[Finding]:
        given = self.parameters
        for number in part.samples.gpus:
            which = (part.host, number)
            at_s, rows = gpu.known_rows(part.samples, [gpu.memory(number)])
            self._series.setdefault(which, Series()).add(at_s, rows[:, 0])
            windows = self._windows.setdefault(which, Windows(given.patience, given.window))
            ends_s, judged = windows.add(at_s, rows)
            self.count(windows.count)
            for end_s, window in zip(ends_s, judged, strict=True):
                self.is_judged = True
                highest = max(self._highest.get(which, 0.0), float(window.max()))
                self._highest[which] = highest
                yield from self._average(which, part, float(end_s), float(window.mean()))

    def details(self) -> dict[str, Any]:
        return {
            **self.managed(gpu.by_host(self._rises)),
            "memory": gpu.by_host(
                {each: percentiles(one.values) for each, one in self._series.items()}
            ),
            "boxes": gpu.by_host({each: one.boxes() for each, one in self._series.items()}),
        }

    def _average(self, which: Gpu, part: Part, at_s: float, average: float) -> Iterator[Finding]:
        since_s, mark = self._marks.setdefault(which, (at_s, average))
        rise = average - mark
        if rise <= self.parameters.increase:
            return
        self._marks[which] = (at_s, average)
        self.violations += 1
        self.triggered += 1
        self._rises[which] = {
            "increase": rise,
            "gpu_max": self._highest[which],
            "from": mark,
            "to": average,
            "from_s": since_s,
            "to_s": at_s,
        }
        yield self.tell(
            at_s=at_s,
            step=part.step_at(at_s),
            value=rise,
            threshold=self.parameters.increase,
            where=gpu.said(which),
            found=f"The memory of {gpu.said(which)} rose from {mark:.1f} % to {average:.1f} % "
            f"within {at_s - since_s:.0f} s.",
            meaning="What grows from step to step ends with a GPU that has no memory left.",
            advice="Look for tensors that are kept from step to step, and for pictures or batches "
            "that grow.",
            increase=rise,
        )
