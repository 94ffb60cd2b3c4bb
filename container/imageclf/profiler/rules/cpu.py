"""Rules on the cores of a machine whose CPU trains: cores that idle, cores that are withheld."""

import math
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.percentiles import percentiles
from imageclf.profiler.recorded import Stretch, Table
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.reading import Reading
from imageclf.profiler.rules.scanned import Kept, ScannedRule, count
from imageclf.rules.parameters import RuleParameters

_STARVED = 25.0
"""Per cent of the step; with more waiting than that it is the readers that leave cores idle."""

_WITHHELD = 10.0


class CoresIdleParameters(ProfilerParameters):
    """In per cent of the cores, and in samples."""

    threshold: float = Field(60, ge=0, le=100)
    patience: int = Field(20, ge=1)


class CoresIdle(ScannedRule):
    """While a CPU trains, and does not wait for pictures, less than `threshold` % of it works.

    Half of the samples must be lower. The default: with all cores the sharing out of a layer costs
    some of them, in trainings of a few threads up to a third.
    """

    name = "CoresIdle"
    description = "Looks whether cores idle while the CPU computes the model."
    recommendation = (
        "Let each process compute with as many threads as it has cores, or start more processes; "
        "small layers need a larger batch to keep many cores busy."
    )

    Parameters = CoresIdleParameters
    parameters: CoresIdleParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._reading = Reading()
        self._samples = Kept(names.CPU, names.OWN_CPU, names.THROTTLED)
        self._apart: dict[str, int] = {}

    def take(self, stretch: Stretch) -> None:
        self._reading.take(stretch)
        for host, table in stretch.system.items():
            self._samples.add(host, table)
            self._apart[host] = max(self._apart.get(host, 0), len(table.cores))

    def judge(self, at_s: float) -> Findings:
        for host in self._reading.hosts:
            used = self._used(host)
            if not self._computes(host) or len(used) < self.parameters.patience:
                continue
            self.looked = max(self.looked, len(used))
            half = float(np.median(used))
            wait = max(map(self._reading.wait_share, self._of(host)), default=math.nan)
            if half < self.parameters.threshold and not wait > _STARVED:
                yield self.tell(
                    at_s=at_s,
                    step=max(map(self._reading.latest_step, self._of(host)), default=0),
                    value=half,
                    threshold=self.parameters.threshold,
                    where=host,
                    found=(
                        f"While {host} trained, half of the time less than {half:.0f} % of its "
                        f"{self._reading.cores(host)} cores worked."
                    ),
                    meaning="The model computes on fewer cores than are there.",
                    advice=f"{self._advice(host)}.",
                )

    def missing(self) -> str:
        on_gpu = any(not self._reading.is_on_cpu(worker) for worker in self._reading.workers)
        return "A GPU computes the model: not evaluated." if on_gpu else super().missing()

    def details(self) -> dict[str, Any]:
        found = {
            host: {
                "cores": self._reading.cores(host),
                "used": percentiles(self._used(host)).as_json(),
            }
            for host in self._reading.hosts
        }
        return self.judged(self.triggered, nodes=found)

    def _of(self, host: str) -> list[str]:
        return [one for one in self._reading.workers if self._reading.host(one) == host]

    def _computes(self, host: str) -> bool:
        """Whether its CPU trains, and is let."""
        workers = self._of(host)
        withheld = _mean(self._samples[host][names.THROTTLED])
        on_cpu = bool(workers) and all(map(self._reading.is_on_cpu, workers))
        return on_cpu and not withheld > _WITHHELD

    def _used(self, host: str) -> Any:
        """Per cent of the cores, in each sample while the training went on.

        What other programs do on the machine counts as work too, where samples are of the same
        cores that the training may use.
        """
        samples = self._training(host)
        cores = self._reading.cores(host)
        own = samples[names.OWN_CPU] / max(1, cores)
        if cores == self._apart.get(host, cores):
            own = np.fmax(own, samples[names.CPU])
        return own[np.isfinite(own)]

    def _training(self, host: str) -> Table:
        steps = [self._reading.train_steps(worker) for worker in self._of(host)]
        steps = [table for table in steps if len(table)]
        if not steps:
            return self._samples[host].between(0, 0)
        begin_s = min(float(table.at_s[0]) for table in steps)
        end_s = max(float(table.at_s[-1]) for table in steps)
        return self._samples[host].between(begin_s, end_s)

    def _advice(self, host: str) -> str:
        facts = [self._reading.facts.get(worker, {}) for worker in self._of(host)]
        threads = sum(max(1, count(one.get("threads"))) for one in facts)
        cores = self._reading.cores(host)
        if threads < cores:
            return (
                f"{threads} threads compute on {cores} cores: leave OMP_NUM_THREADS unset, or start"
                " more processes"
            )
        return (
            "As many threads as cores compute, so the layers are too small to share out: set "
            "batch-size higher, or choose a machine with fewer cores"
        )


class ThrottlingParameters(ProfilerParameters):
    """In per cent of the time, and in samples."""

    threshold: float = Field(10, ge=0, le=100)
    patience: int = Field(20, ge=1)


class Throttling(ScannedRule):
    """The container was kept from its cores for more than `threshold` per cent of the time.

    The default: a container that uses exactly what it was given is held back for a few per cent.
    """

    name = "Throttling"
    description = "Looks whether the container was kept from its cores by its CPU limit."
    recommendation = "Raise the container's CPU limit, or use fewer threads and readers."

    Parameters = ThrottlingParameters
    parameters: ThrottlingParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._samples = Kept(names.THROTTLED)

    def take(self, stretch: Stretch) -> None:
        for host, table in stretch.system.items():
            known = table.where(np.isfinite(table[names.THROTTLED]))
            self.looked += self._samples.add(host, known)

    def judge(self, at_s: float) -> Findings:
        for host in self._samples:
            table = self._samples[host]
            share = _mean(table[names.THROTTLED])
            if len(table) < self.parameters.patience or not share > self.parameters.threshold:
                continue
            yield self.tell(
                at_s=at_s,
                step=0,
                value=share,
                threshold=self.parameters.threshold,
                where=host,
                found=f"The container on {host} was kept from its cores {share:.0f} % of the time.",
                meaning="It asks for more processor time than its limit allows, and then stands.",
                advice="Raise the CPU limit of the container, or start fewer threads and readers.",
            )

    def missing(self) -> str:
        return "No CPU limit is known for this container: not evaluated."

    def details(self) -> dict[str, Any]:
        found = {
            host: percentiles(self._samples[host][names.THROTTLED]).as_json()
            for host in self._samples
        }
        return self.judged(self.triggered, nodes=found)


def _mean(values: Any) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
