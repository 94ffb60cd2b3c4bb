"""GPUs of one host that do unequal work."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler.recorded import Floats
from imageclf.profiler.rules import gpu
from imageclf.profiler.rules.gpu import Gpu, GpuRule, PatientParameters
from imageclf.profiler.rules.unequal import Pair, Unequal, odd_ones
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
    are. Of the GPUs that the training uses (of all, when that is not known) the odd ones are told,
    which explain all pairs that differ: one finding for those of a host that were not told yet.
    """

    name = "LoadBalancing"
    description = "Looks for GPUs of one machine that do more work than others."
    recommendation = (
        "See what the process of a GPU that reads low does alone (checkpoints, logs, evaluation, "
        "slower reading; SlowRank and LongCheckpoints look at that), and use one process for each "
        "GPU, which this image does by itself."
    )
    Parameters = LoadBalancingParameters
    parameters: LoadBalancingParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._windows: dict[str, tuple[list[int], Windows]] = {}
        self._counts: dict[Gpu, Floats] = {}
        self._last: dict[str, dict[str, Any]] = {}
        self._is_alone = True
        self._odd: dict[Gpu, int] = {}
        self._told: set[tuple[str, Pair]] = set()

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
            "odd": gpu.by_host(self._odd),
        }
        return {name: finite(value) for name, value in figures.items()}

    def _distances(self, gpus: list[Gpu]) -> list[list[float]]:
        """Between any two GPUs over the whole run."""
        shares = [_shares(self._counts[each]) for each in gpus]
        return [[round(_distance(one, other), 4) for other in shares] for one in shares]

    def _window(
        self, part: Part, numbers: list[int], at_s: float, rows: Floats
    ) -> Iterator[Finding]:
        used = [number for number in gpu.in_use(part) if number in numbers]
        columns = dict(zip(numbers, rows.T, strict=True))
        means = {number: _mean(columns[number]) for number in numbers}
        shares = {number: _shares(_counts(columns[number])) for number in used}
        distances = {
            (one, other): distance
            for one, other in combinations(used, 2)
            if (distance := _distance(shares[one], shares[other])) > self.parameters.threshold
            and abs(means[one] - means[other]) >= _WIDTH
        }
        if not distances:
            return
        self.violations += len(distances)
        self.triggered += 1
        self._last[part.host] = {
            "at_s": at_s,
            **{f"gpu{number}": mean for number, mean in means.items()},
        }
        for unequal in self._news(part.host, distances, {each: means[each] for each in used}):
            yield self._found(unequal, at_s, part.step_at(at_s))

    def _news(
        self, host: str, distances: dict[Pair, float], means: dict[int, float]
    ) -> Iterator[Unequal]:
        """Counts the odd GPUs of a window, and gives those of which nothing was said yet."""
        odd = odd_ones(distances, means)
        known = {each for each in odd if (host, each) in self._odd}
        for each in odd:
            self._odd[host, each] = self._odd.get((host, each), 0) + 1
        fresh = {
            each
            for each in set(odd) - known
            if any(each in pair and (host, pair) not in self._told for pair in distances)
        }
        told = {pair: one for pair, one in distances.items() if fresh & set(pair)}
        self._told |= {(host, pair) for pair in distances}
        if fresh:
            others = {each for pair in told for each in pair} - set(odd)
            yield Unequal(host, tuple(sorted(fresh)), tuple(sorted(others)), told, means)

    def _found(self, unequal: Unequal, at_s: float, step: int) -> Finding:
        return self.tell(
            at_s=at_s,
            step=step,
            value=max(unequal.distances.values()),
            threshold=self.parameters.threshold,
            where=unequal.where,
            **unequal.words,
            host=unequal.host,
            odd=list(unequal.odd),
            others=list(unequal.others),
            means={f"gpu{number}": finite(mean) for number, mean in unequal.means.items()},
            distances=[
                {"gpus": list(pair), "distance": distance}
                for pair, distance in unequal.distances.items()
            ],
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
