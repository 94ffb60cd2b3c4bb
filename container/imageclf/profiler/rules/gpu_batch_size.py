"""Batches that are too small to keep anything of the machine busy."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats
from imageclf.profiler.rules import gpu
from imageclf.profiler.rules.figures import Series, percentiles
from imageclf.profiler.rules.gpu import Gpu, GpuRule, PatientParameters
from imageclf.profiler.rules.while_training import Part
from imageclf.profiler.rules.windows import Windows
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

_KINDS = ("cpu", "gpu", "gpu_memory")


class BatchSizeParameters(PatientParameters):
    """Per cent; `window` in data points."""

    cpu_threshold_p95: float = Field(70.0, ge=0, le=100)
    gpu_threshold_p95: float = Field(70.0, ge=0, le=100)
    gpu_memory_threshold_p95: float = Field(70.0, ge=0, le=100)
    window: int = Field(500, gt=0)


class BatchSize(GpuRule):
    """The 95th percentiles of CPU, GPU and GPU memory are all below their thresholds.

    Of the GPUs that processes of the training use, or of all when none says which; each with the
    CPU of its host, window by window. Batches are as large on all of them: of a GPU that is low
    while another one of the host is above its threshold nothing is said. The first window of each
    GPU is told, all are counted.
    """

    name = "BatchSize"
    description = "Looks for batches so small that neither CPU, GPU nor GPU memory is made use of."
    recommendation = "Make batches larger, with the learning rate in proportion, or take less GPU."
    needs = (names.CPU, names.GPU_UTILIZATION, names.GPU_MEMORY)
    Parameters = BatchSizeParameters
    parameters: BatchSizeParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._windows: dict[Gpu, tuple[list[int], Windows]] = {}
        self._series: dict[str, dict[Gpu, Series]] = {kind: {} for kind in _KINDS}
        self._last: dict[Gpu, dict[str, Any]] = {}

    def judge(self, part: Part) -> Iterator[Finding]:
        for number in gpu.in_use(part):
            yield from self._judge((part.host, number), part)

    def details(self) -> dict[str, Any]:
        figures = {
            kind: gpu.by_host({each: percentiles(one.values) for each, one in known.items()})
            for kind, known in self._series.items()
        }
        boxes = {
            kind: gpu.by_host({each: one.boxes() for each, one in known.items()})
            for kind, known in self._series.items()
        }
        return {**self.managed(gpu.by_host(self._last)), "percentiles": figures, "boxes": boxes}

    def _judge(self, which: Gpu, part: Part) -> Iterator[Finding]:
        given = self.parameters
        gpus = part.samples.gpus
        numbers, windows = self._windows.setdefault(
            which, (gpus, Windows(given.patience, given.window, len(_KINDS) + len(gpus)))
        )
        columns = (names.CPU, gpu.utilization(which[1]), gpu.memory(which[1]))
        at_s, rows = gpu.known_rows(part.samples, columns, list(map(gpu.utilization, numbers)))
        for kind, values in zip(_KINDS, rows.T, strict=False):
            self._series[kind].setdefault(which, Series()).add(at_s, values)
        ends_s, judged = windows.add(at_s, rows)
        self.count(windows.count)
        self.is_judged |= bool(len(judged))
        used = [len(_KINDS) + numbers.index(each) for each in gpu.in_use(part) if each in numbers]
        for end_s, window in zip(ends_s, judged, strict=True):
            if not self._is_any_busy(window[:, used]):
                yield from self._window(which, part, float(end_s), window[:, : len(_KINDS)])

    def _is_any_busy(self, utilizations: Floats) -> bool:
        """Whether one of these GPUs [points, gpus] is above its threshold, where it is known."""
        threshold = self.parameters.gpu_threshold_p95
        known = (column[np.isfinite(column)] for column in utilizations.T)
        return any(len(each) and np.percentile(each, 95) >= threshold for each in known)

    def _window(self, which: Gpu, part: Part, at_s: float, rows: Floats) -> Iterator[Finding]:
        p95: Floats = np.percentile(rows, 95, axis=0)
        if not (p95 < self._thresholds()).all():
            return
        self.violations += 1
        self.triggered += 1
        is_first = which not in self._last
        boxes = {kind: percentiles(column) for kind, column in zip(_KINDS, rows.T, strict=True)}
        self._last[which] = {"at_s": at_s, **boxes}
        if is_first:
            yield self._found(which, at_s, part.step_at(at_s), p95)

    def _thresholds(self) -> Floats:
        given = self.parameters
        return np.asarray(
            (given.cpu_threshold_p95, given.gpu_threshold_p95, given.gpu_memory_threshold_p95)
        )

    def _found(self, which: Gpu, at_s: float, step: int, p95: Floats) -> Finding:
        cpu, busy, memory = (float(each) for each in p95)
        return self.tell(
            at_s=at_s,
            step=step,
            value=busy,
            threshold=self.parameters.gpu_threshold_p95,
            where=gpu.said(which),
            found=f"Little of the machine was used: 95 % of {self.parameters.window} samples were "
            f"at most {cpu:.0f} % of the CPU, {busy:.0f} % of {gpu.said(which)} and {memory:.0f} % "
            "of its memory.",
            meaning="The batches are too small to keep the GPU busy, and there is room for more.",
            advice="Raise batch-size while memory lasts, with lr in proportion, or take "
            "a smaller instance.",
            cpu_p95=cpu,
            gpu_p95=busy,
            gpu_memory_p95=memory,
        )
