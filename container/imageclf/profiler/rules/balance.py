"""GPUs of one host that do unequal work."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler.recorded import Floats
from imageclf.profiler.rules import gpu
from imageclf.profiler.rules.gpu import Gpu, GpuRule, PatientParameters
from imageclf.profiler.rules.while_training import Part
from imageclf.profiler.rules.windows import Windows
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters
from imageclf.rules.status import finite

BINS = 10
"""Bins of the histograms, each 100 / BINS points of utilisation wide."""

_WIDTH = 100 / BINS


class LoadBalancingParameters(PatientParameters):
    """`threshold` is the distance of two histograms, from 0 (the same) to 1 (nothing in common).

    A client may send up to 100, as for the managed service; above 1 nothing is found.
    """

    threshold: float = Field(0.5, ge=0, le=100)


class LoadBalancing(GpuRule):
    """The histograms of the utilisation of two GPUs of a host differ by more than `threshold`.

    Histograms are made of each `patience` data points. Their distance is the share of samples that
    would have to change bins (the total variation distance, half the sum of the differences). GPUs
    whose means are less than one bin apart are alike, on whichever side of an edge of bins they
    are. Each pair of GPUs that the training uses (of all, when that is not known) is told once.
    """

    name = "LoadBalancing"
    description = "Looks for GPUs of one machine that do more work than others."
    recommendation = (
        "Use one process for each GPU (which this image does by itself) instead of a model that is "
        "copied to all, and give each process as many pictures."
    )
    Parameters = LoadBalancingParameters
    parameters: LoadBalancingParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._windows: dict[str, tuple[list[int], Windows]] = {}
        self._counts: dict[Gpu, Floats] = {}
        self._last: dict[str, dict[str, Any]] = {}
        self._is_alone = True
        self._told: set[tuple[str, int, int]] = set()

    def judge(self, part: Part) -> Iterator[Finding]:
        numbers = part.samples.gpus
        if not numbers:
            return
        size = max(1, self.parameters.patience)
        known, windows = self._windows.setdefault(
            part.host, (numbers, Windows(size, size, len(numbers)))
        )
        rows = np.stack([part.samples[gpu.utilization(each)] for each in known], axis=1)
        some = np.isfinite(rows).any(axis=1)
        for place, number in enumerate(known):
            which = (part.host, number)
            self._counts[which] = self._counts.get(which, np.zeros(BINS)) + _counts(rows[:, place])
        ends_s, judged = windows.add(part.samples.at_s[some], rows[some])
        self.count(windows.count)
        if len(gpu.in_use(part)) < 2:
            return
        self._is_alone = False
        for end_s, window in zip(ends_s, judged, strict=True):
            self.is_judged = True
            yield from self._window(part, known, float(end_s), window)

    def missing(self) -> str:
        if self.datapoints and self._is_alone:
            return "On no host more than one GPU was used: not evaluated."
        return super().missing()

    def details(self) -> dict[str, Any]:
        edges = np.linspace(0, 100, BINS + 1)
        figures = {
            **self.managed(self._last),
            "edges": edges.tolist(),
            "histograms": gpu.by_host(
                {each: _shares(counts).tolist() for each, counts in self._counts.items()}
            ),
            "distances": {
                host: self._distances([(host, number) for number in known])
                for host, (known, _) in sorted(self._windows.items())
            },
        }
        return {name: finite(value) for name, value in figures.items()}

    def _distances(self, gpus: list[Gpu]) -> list[list[float]]:
        """Between any two GPUs over the whole run."""
        shares = [_shares(self._counts[each]) for each in gpus]
        return [[round(_distance(one, other), 4) for other in shares] for one in shares]

    def _window(
        self, part: Part, numbers: list[int], at_s: float, rows: Floats
    ) -> Iterator[Finding]:
        shares = [_shares(_counts(column)) for column in rows.T]
        means = [_mean(column) for column in rows.T]
        found = False
        used = [numbers.index(number) for number in gpu.in_use(part) if number in numbers]
        for one, other in combinations(used, 2):
            distance = _distance(shares[one], shares[other])
            apart = abs(means[one] - means[other])
            if not distance > self.parameters.threshold or not apart >= _WIDTH:
                continue
            found = True
            self.violations += 1
            pair = (part.host, numbers[one], numbers[other])
            if pair not in self._told:
                self._told.add(pair)
                both = (means[one], means[other])
                yield self._found(pair, at_s, part.step_at(at_s), distance, both)
        if found:
            self.triggered += 1
            self._last[part.host] = {
                "at_s": at_s,
                **{f"gpu{number}": mean for number, mean in zip(numbers, means, strict=True)},
            }

    def _found(
        self,
        pair: tuple[str, int, int],
        at_s: float,
        step: int,
        distance: float,
        means: tuple[float, float],
    ) -> Finding:
        host, first, second = pair
        return self.tell(
            at_s=at_s,
            step=step,
            value=distance,
            threshold=self.parameters.threshold,
            where=f"GPUs {first} and {second} of {host}",
            found=f"GPU {first} and GPU {second} of {host} did unequal work: {means[0]:.0f} % and "
            f"{means[1]:.0f} % on the mean, and their histograms differ by {distance:.2f}.",
            meaning="The busier GPU makes the others wait at each step, and they are paid for.",
            advice="Give each GPU a process and as many pictures as the others.",
            means=list(means),
        )


def _mean(values: Floats) -> float:
    """NaN when less than half of the values are known: too few to compare with others."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if 2 * len(known) >= len(values) else float("nan")


def _counts(values: Floats) -> Floats:
    known = np.clip(values[np.isfinite(values)], 0, 100)
    return np.histogram(known, BINS, (0, 100))[0].astype(np.float64)


def _shares(counts: Floats) -> Floats:
    return counts / counts.sum() if counts.sum() else counts


def _distance(one: Floats, other: Floats) -> float:
    """Total variation distance; NaN when one GPU has no figures, and then nothing is found."""
    return float(np.abs(one - other).sum() / 2) if one.any() and other.any() else float("nan")
