"""GPUs that wait while the CPU is busy, or while the CPU itself waits for disks."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.rules import gpu
from imageclf.profiler.rules.causes import Causes
from imageclf.profiler.rules.figures import Series
from imageclf.profiler.rules.gpu import GpuRule, PatientParameters
from imageclf.profiler.rules.while_training import Part
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters

MAX_TIMES = 1000
"""So many times of bottlenecks are listed in the figures, evenly taken from all."""

Flags = npt.NDArray[np.bool_]


class BottleneckParameters(PatientParameters):
    """Per cent: of the time, and of the GPU."""

    threshold: float = Field(50.0, ge=0, le=100)
    gpu_threshold: float = Field(10.0, ge=0, le=100)


class CPUBottleneckParameters(BottleneckParameters):
    """Per cent of all cores."""

    cpu_threshold: float = Field(90.0, ge=0, le=100)


class IOBottleneckParameters(BottleneckParameters):
    """Per cent of the time in which cores wait for disks."""

    io_threshold: float = Field(50.0, ge=0, le=100)


@dataclass
class _Host:
    """What is known of one host; the judgement of a scan waits for the scan's end."""

    points: int = 0
    low: int = 0
    hits: int = 0
    scan: int = -1
    last_s: float = 0.0
    last_step: int = 0
    told: bool = False
    times: Series = field(default_factory=Series)


class Bottleneck(GpuRule):
    """For more than `threshold` per cent of the time a GPU is low while something else is high.

    A GPU is low when one of those that the training uses on the host (all, when none says which) is
    below `gpu_threshold`. The share is of all data points so far, judged every `scan_interval_us`
    of the run and at its end; one finding for each host.
    """

    column: ClassVar[str]
    word: ClassVar[str]
    """Key of the count of bottlenecks."""

    parameters: BottleneckParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._hosts: dict[str, _Host] = {}
        self._causes = Causes()

    @property
    @abstractmethod
    def high(self) -> float:
        """From which value on `column` is what the GPU waits for, per cent."""

    @abstractmethod
    def words(self, host: str, share: float) -> dict[str, str]:
        """What to tell of a host that is stuck `share` per cent of the time."""

    def judge(self, part: Part) -> Iterator[Finding]:
        used = gpu.in_use(part)
        if not used:
            return
        rows = np.stack([part.samples[gpu.utilization(each)] for each in used], axis=1)
        other = part.samples[self.column]
        known = np.isfinite(other) & np.isfinite(rows).any(axis=1)
        at_s = part.samples.at_s[known]
        low: Flags = np.nanmin(rows[known], axis=1, initial=np.inf) < self.parameters.gpu_threshold
        hits = low & (other[known] > self.high)
        host = self._hosts.setdefault(part.host, _Host())
        host.times.add(at_s[hits], other[known][hits])
        self.violations += int(hits.sum())
        self._causes.add(part, at_s[low], hits[low])
        yield from self._scans(part, host, at_s, low, hits)

    def end(self) -> Iterator[Finding]:
        for name, host in self._hosts.items():
            yield from self._judge_host(name, host, host.last_s, host.last_step)

    def _scans(
        self, part: Part, host: _Host, at_s: npt.NDArray[np.float64], low: Flags, hits: Flags
    ) -> Iterator[Finding]:
        scans = (at_s * 1e6 // self.parameters.scan_interval_us).astype(np.int64)
        scans = np.maximum.accumulate(np.maximum(scans, host.scan))  # what came late counts now
        begins = np.flatnonzero(np.diff(scans, prepend=host.scan))
        edges = [0, *(int(each) for each in begins if each), len(at_s)]
        for first, last in pairwise(edges):
            if first == last:
                continue
            if scans[first] != host.scan and host.points:
                begin_s = float(at_s[first])
                yield from self._judge_host(part.host, host, begin_s, part.step_at(begin_s))
            host.scan = int(scans[first])
            host.points += last - first
            host.low += int(low[first:last].sum())
            host.hits += int(hits[first:last].sum())
            host.last_s = float(at_s[last - 1])
            host.last_step = part.step_at(host.last_s)
            self.count(host.points)

    def _judge_host(self, name: str, host: _Host, at_s: float, step: int) -> Iterator[Finding]:
        if host.points < max(1, self.parameters.patience):
            return
        self.is_judged = True
        share = 100 * host.hits / host.points
        if share <= self.parameters.threshold:
            return
        self.triggered += 1
        if not host.told:
            host.told = True
            yield self.tell(
                at_s=at_s,
                step=step,
                value=share,
                threshold=self.parameters.threshold,
                where=name,
                **self.words(name, share),
                points=host.points,
                low_gpu=host.low,
                bottlenecks=host.hits,
            )

    def details(self) -> dict[str, Any]:
        times = {name: host.times.at_s for name, host in self._hosts.items()}
        everything = np.sort(np.concatenate([np.empty(0), *times.values()]))
        low = sum(host.low for host in self._hosts.values())
        return {
            **self.managed(
                {
                    "bottlenecks": _thinned(everything),
                    "low_gpu_utilization": low,
                    self.word: self.violations,
                    **self._causes.as_json(),
                }
            ),
            "hosts": {
                name: {
                    "points": host.points,
                    "low_gpu": host.low,
                    "bottlenecks": host.hits,
                    "share": host.hits / host.points if host.points else 0.0,
                    "at_s": _thinned(times[name]),
                }
                for name, host in sorted(self._hosts.items())
            },
        }


class CPUBottleneck(Bottleneck):
    """The CPU is above `cpu_threshold` while a GPU is below `gpu_threshold`; see `Bottleneck`."""

    name = "CPUBottleneck"
    description = "Looks for times in which the GPU waits while all cores are busy."
    recommendation = (
        "Take work off the cores: cheaper augmentation, smaller pictures, cached decoding; or an "
        "instance with more cores for each GPU."
    )
    column = names.CPU
    needs = (column, names.GPU_UTILIZATION)
    word = "cpu_bottleneck"
    Parameters = CPUBottleneckParameters
    parameters: CPUBottleneckParameters

    @property
    def high(self) -> float:
        return self.parameters.cpu_threshold

    def words(self, host: str, share: float) -> dict[str, str]:
        return {
            "found": f"For {share:.0f} % of the time a GPU of {host} was below "
            f"{self.parameters.gpu_threshold:g} % while its cores were above {self.high:g} %.",
            "meaning": "The cores cannot prepare batches as fast as the GPU takes them.",
            "advice": "Make preparation cheaper (smaller pictures, less augmentation, cached "
            "decoding), or take an instance with more cores for each GPU.",
        }


class IOBottleneck(Bottleneck):
    """I/O wait is above `io_threshold` while a GPU is below `gpu_threshold`; see `Bottleneck`."""

    name = "IOBottleneck"
    description = "Looks for times in which the GPU waits while the cores wait for disks."
    recommendation = (
        "Bring the data nearer: a faster disk, File mode with a local copy, fewer and larger files."
    )
    column = names.IO_WAIT
    needs = (column, names.GPU_UTILIZATION)
    word = "io_bottleneck"
    Parameters = IOBottleneckParameters
    parameters: IOBottleneckParameters

    @property
    def high(self) -> float:
        return self.parameters.io_threshold

    def words(self, host: str, share: float) -> dict[str, str]:
        return {
            "found": f"For {share:.0f} % of the time a GPU of {host} was below "
            f"{self.parameters.gpu_threshold:g} % while its cores waited for disks more than "
            f"{self.high:g} % of the time.",
            "meaning": "Files cannot be read as fast as the GPU takes pictures.",
            "advice": "Put the data on a faster disk or a local copy, or pack it in fewer, larger "
            "files.",
        }


def _thinned(times: npt.NDArray[np.float64]) -> list[float]:
    chosen = np.unique(np.linspace(0, len(times) - 1, min(MAX_TIMES, len(times))).astype(int))
    return [round(float(each), 3) for each in times[chosen]] if len(times) else []
