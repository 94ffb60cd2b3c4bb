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
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

Gpu = tuple[str, int]
"""A host and the number of its GPU."""

ValueT = TypeVar("ValueT")


class PatientParameters(ProfilerParameters):
    """Data points before the first judgement."""

    patience: int = Field(1000, ge=0)


class GpuRule(ProfilerRule):
    """Judges each part of the samples of a host; findings come in the order of their times."""

    needs_gpu = True
    Parameters: ClassVar[type[RuleParameters]] = PatientParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self.datapoints = self.violations = self.triggered = 0
        self.is_judged = False
        self._training = WhileTraining()
        self._has_gpu = self._is_on_gpu = False

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
        if not self.datapoints:
            return "No figures of a GPU were recorded while the run trained: not evaluated."
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

    def _judged(self, parts: Sequence[Part]) -> Iterator[Finding]:
        yield from _in_order(finding for part in parts for finding in self.judge(part))


def known_rows(samples: Table, columns: Sequence[str]) -> tuple[Floats, Floats]:
    """Times [N] and rows [N, columns] of the samples of which all these columns are known."""
    rows = np.stack([samples[name] for name in columns], axis=1)
    known = np.isfinite(rows).all(axis=1)
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
