"""What rules on GPUs share: they count the samples while the run trained, of each host in order.

The managed service skipped the first `patience` data points to leave the start of a job aside; here
data points are counted from the first step, so that a long start is no disease of the GPU.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Floats, Stretch, Table
from imageclf.profiler.rules import figures
from imageclf.profiler.rules.base import NO_GPU, ProfilerParameters, ProfilerRule
from imageclf.profiler.rules.while_training import Part, WhileTraining
from imageclf.report.figures import listing
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

Gpu = tuple[str, int]
"""A host and the number of its GPU."""

ValueT = TypeVar("ValueT")

_FIGURES = {
    names.CPU: "the use of the CPU",
    names.IO_WAIT: "I/O wait",
    names.GPU_UTILIZATION: "the utilisation of a GPU",
    names.GPU_MEMORY: "the memory of a GPU",
}


class PatientParameters(ProfilerParameters):
    """Data points before the first judgement."""

    patience: int = Field(1000, ge=0)


class GpuRule(ProfilerRule):
    """Judges each part of the samples of a host; findings come in the order of their times."""

    needs_gpu = True
    needs: ClassVar[tuple[str, ...]] = (names.GPU_UTILIZATION,)
    """What must have been recorded: columns of a host, and of any of its GPUs."""

    Parameters: ClassVar[type[RuleParameters]] = PatientParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self.datapoints = self.violations = self.triggered = 0
        self.is_judged = False
        self._training = WhileTraining()
        self._has_gpu = self._is_on_gpu = False
        self._known: set[str] = set()

    def look(self, seen: Stretch) -> Iterator[Finding]:
        self._has_gpu |= seen.has_gpu
        self._is_on_gpu |= any(one.get("device") == "cuda" for one in seen.workers.values())
        yield from self._judged(self._training.take(seen))
        self._note()

    def finish(self) -> Iterator[Finding]:
        yield from self._judged(self._training.rest())
        yield from _in_order(self.end())
        self._note()

    @abstractmethod
    def judge(self, part: Part) -> Iterator[Finding]:
        """What is wrong in these samples, given the earlier ones.

        Counts data points by `count`, and sets `is_judged` once there were enough of them.
        """

    def end(self) -> Iterator[Finding]:
        """What is wrong in what was not judged yet, now that the run has ended."""
        return iter(())

    def missing(self) -> str:
        if not (self._has_gpu or self._is_on_gpu):
            return NO_GPU
        if absent := self._absent():
            return f"{absent} recorded while the run trained: not evaluated."
        return f"{self.datapoints} data points are fewer than the rule waits for: not evaluated."

    def managed(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of the managed service's JSON with these `details`."""
        return figures.managed_keys(
            self.parameters,
            datapoints=self.datapoints,
            violations=self.violations,
            triggered=self.triggered,
            details=details,
        )

    def count(self, points: int) -> None:
        """Take note that a host has now given `points` data points."""
        self.datapoints = max(self.datapoints, points)

    def _note(self) -> None:
        if self.is_judged:
            self.looked = self.datapoints

    def _absent(self) -> str:
        """Which of the figures that this rule needs was never known, and its verb; else empty."""
        if self._known.isdisjoint({names.GPU_UTILIZATION, names.GPU_MEMORY}):
            return "No figures of a GPU were"
        absent = [_FIGURES[name] for name in self.needs if name not in self._known]
        said = listing(absent)
        return f"{said[0].upper()}{said[1:]} {'were' if absent[1:] else 'was'} not" if said else ""

    def _take_note(self, samples: Table) -> None:
        """Of which figures there are numbers, of any GPU."""
        for name in _FIGURES.keys() - self._known:
            columns = [name, *(names.gpu_column(number, name) for number in samples.gpus)]
            if any(samples.has(column) for column in columns):
                self._known.add(name)

    def _judged(self, parts: Sequence[Part]) -> Iterator[Finding]:
        for part in parts:
            self._take_note(part.samples)
        yield from _in_order(finding for part in parts for finding in self.judge(part))


def known_rows(
    samples: Table, columns: Sequence[str], also: Sequence[str] = ()
) -> tuple[Floats, Floats]:
    """Times [N] and rows [N, columns and also] of the samples of which all `columns` are known."""
    rows = np.stack([samples[name] for name in (*columns, *also)], axis=1)
    known = np.isfinite(rows[:, : len(columns)]).all(axis=1)
    return samples.at_s[known], rows[known]


def in_use(part: Part) -> list[int]:
    """The GPUs of the host that processes of the training use; all, when that is not known."""
    return [each for each in part.samples.gpus if each in part.used] or part.samples.gpus


def utilization(gpu: int) -> str:
    """Column of a GPU's utilisation, per cent."""
    return names.gpu_column(gpu, names.GPU_UTILIZATION)


def memory(gpu: int) -> str:
    """Column of the share of a GPU's memory that is taken, per cent."""
    return names.gpu_column(gpu, names.GPU_MEMORY)


def said(gpu: Gpu) -> str:
    """The GPU in words."""
    return f"GPU {gpu[1]} of {gpu[0]}"


def by_host(values: Mapping[Gpu, ValueT]) -> dict[str, dict[str, ValueT]]:
    """The same by host and `gpu0` and so on."""
    found: dict[str, dict[str, ValueT]] = {}
    for (host, gpu), value in sorted(values.items(), key=lambda item: item[0]):
        found.setdefault(host, {})[f"gpu{gpu}"] = value
    return found


def _in_order(findings: Iterator[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: float(finding.details["at_s"]))
