"""Memory of a GPU that grows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats
from imageclf.profiler.rules import gpu
from imageclf.profiler.rules.figures import Series, percentiles
from imageclf.profiler.rules.gpu import Gpu, GpuRule, PatientParameters
from imageclf.profiler.rules.trends import BLOCKS, Trend, trend
from imageclf.profiler.rules.while_training import Part
from imageclf.profiler.rules.windows import Windows
from imageclf.report.figures import duration
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters


class GPUMemoryIncreaseParameters(PatientParameters):
    """Percentage points of the GPU's memory; `window` in data points.

    `only_steady` is ours: whether to keep quiet on a rise that does not go on.
    """

    increase: float = Field(5.0, gt=0, le=100)
    window: int = Field(10, gt=0)
    only_steady: bool = False


class GPUMemoryIncrease(GpuRule):
    """The moving average of a GPU's memory rises by more than `increase` points.

    The managed service compared each average with the one before it, which no slow leak can break.
    Here each is compared with the mark of its GPU: the average of the first window that was judged,
    and after a finding the highest value of the window that was too high. A fall does not lower the
    mark, so that memory that comes and goes with evaluations is told once at most.

    A rise that goes on is a leak, one that stays is not, and the words are others. It goes on when
    the least values of the last windows rise steadily (`trends`), be it over the last 8 windows,
    the last 16, 32 or more: a leak may be slow. With `only_steady`, it is measured from where that
    began, and nothing is said of any other.
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
        self._least: dict[Gpu, list[tuple[float, float]]] = {}
        self._rises: dict[Gpu, dict[str, Any]] = {}

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
                yield from self._window(which, part, float(end_s), window)

    def details(self) -> dict[str, Any]:
        rises = {
            each: {**rise, "gpu_max": self._highest[each]} for each, rise in self._rises.items()
        }
        return {
            **self.managed(gpu.by_host(rises)),
            "memory": gpu.by_host(
                {each: percentiles(one.values) for each, one in self._series.items()}
            ),
            "boxes": gpu.by_host({each: one.boxes() for each, one in self._series.items()}),
        }

    def _window(self, which: Gpu, part: Part, at_s: float, window: Floats) -> Iterator[Finding]:
        self.is_judged = True
        self._least.setdefault(which, []).append((at_s, float(window.min())))
        average, highest = float(window.mean()), float(window.max())
        self._highest[which] = max(self._highest.get(which, 0.0), highest)
        since_s, mark = self._marks.setdefault(which, (at_s, average))
        if average - mark <= self.parameters.increase:
            return
        steady = self._steady(which, average)
        if self.parameters.only_steady:
            if steady is None:
                return
            since_s, mark = at_s - steady.length_s, steady.begin
        self._marks[which] = (at_s, highest)
        self.violations += 1
        self.triggered += 1
        rise = {"from": mark, "to": average, "from_s": since_s, "to_s": at_s}
        self._rises[which] = {"increase": average - mark, **rise, "steady": steady is not None}
        yield self._found(which, part.step_at(at_s), rise, steady)

    def _steady(self, which: Gpu, average: float) -> Trend | None:
        """How it rises, by the `increase` at least, over the fewest windows that tell."""
        known, count = self._least[which], BLOCKS
        while count <= len(known):
            if self._is_due(len(known), count):
                ends_s, least = np.asarray(known[-count:]).T
                found = trend(ends_s, least)
                if found.is_steady and average - found.begin > self.parameters.increase:
                    return found
            count *= 2
        return None

    def _is_due(self, windows: int, count: int) -> bool:
        """The longer the time that is looked at, the rarer; a rise that is told has to be known."""
        return not self.parameters.only_steady or windows % (count // BLOCKS) == 0

    def _found(
        self, which: Gpu, step: int, rise: dict[str, float], steady: Trend | None
    ) -> Finding:
        increase = rise["to"] - rise["from"]
        verb = "rose" if steady is None else "keeps rising:"
        return self.tell(
            at_s=rise["to_s"],
            step=step,
            value=increase,
            threshold=self.parameters.increase,
            where=gpu.said(which),
            found=f"The memory of {gpu.said(which)} {verb} from {rise['from']:.1f} % to "
            f"{rise['to']:.1f} % within {rise['to_s'] - rise['from_s']:.0f} s.",
            **(_STAYS if steady is None else _leaks(steady, rise["to"])),
            increase=increase,
            steady=steady is not None,
        )


_STAYS = {
    "meaning": "A rise that stays is no leak: larger pictures or batches, an evaluation, or what "
    "the allocator keeps.",
    "advice": "See in the course of the memory whether it goes on; what is kept from step to step "
    "would make it rise until the GPU has no memory left.",
}


def _leaks(steady: Trend, now: float) -> dict[str, str]:
    left_s = max(0.0, 100 - now) / steady.slope_per_s
    return {
        "meaning": "What grows from step to step ends with a GPU that has no memory left, at this "
        f"pace in {duration(left_s)}.",
        "advice": "Look for tensors that are kept from step to step, and for pictures or batches "
        "that grow.",
    }
