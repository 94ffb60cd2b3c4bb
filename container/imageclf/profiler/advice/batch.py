"""What a step's computing costs whatever its batch, and what grows with it.

From the best source there is: steps of several sizes in the run itself (the last batch of each
epoch is smaller), passes of the network that were tried with few pictures and with more, or the
measured cost of calling operators.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from imageclf.profiler import names
from imageclf.profiler.advice.measured import Measured
from imageclf.profiler.advice.numbers import known, positive
from imageclf.profiler.advice.work import Work, passes_ms

_FEWEST_STEPS = 5
_FARTHEST = 0.8
"""Sizes nearer to each other than this say nothing."""

_MOST_DIGITS = 6
"""Of a number of pictures, in a file that anybody may have written."""


@dataclass(frozen=True)
class BatchCost:
    """Of the batch that was measured, in milliseconds.

    Args:
        source: what it follows from, as a sentence ends.
        device_ms: what arithmetic and memory take of it at least.
    """

    fixed_ms: float
    growing_ms: float
    source: str
    device_ms: float = 0.0

    def compute_ms(self, factor: float) -> float:
        """Time of computing with `factor` times the pictures."""
        return max(self.fixed_ms + self.growing_ms * factor, self.device_ms * factor)


def batch_cost(run: Measured, parts: Work) -> BatchCost | None:
    """The cost of a batch in `run`; None where nothing tells."""
    for share, source in (
        (_of_steps(run), "steps of several sizes in this run"),
        (_of_passes(run), "passes of this network with few pictures and with more"),
        (_of_calls(run, parts), "the time that calling operators takes"),
    ):
        if not math.isnan(share):
            growing = run.compute_ms * share
            device = parts.device_ms if run.is_cuda else 0.0
            return BatchCost(run.compute_ms - growing, growing, source, device)
    return None


def _of_steps(run: Measured) -> float:
    """The share of computing that grows; NaN where sizes are too few, or on no rising line."""
    sizes = {size: ms for size, (count, ms) in run.by_size.items() if count >= _FEWEST_STEPS}
    if len(sizes) < 2 or min(sizes) > _FARTHEST * max(sizes):
        return math.nan
    if sizes[min(sizes)] >= sizes[max(sizes)]:
        return math.nan  # other work on the machine says more than the pictures
    return _growing(sizes, run.images)


def _of_passes(run: Measured) -> float:
    """The same; the run's own batch stands in where passes were tried with one number only."""
    tried = run.machine.get("passes_ms")
    times = tried.get(run.precision) if isinstance(tried, Mapping) else None
    if not isinstance(times, Mapping):
        return math.nan
    counts = [count for count in times if count.isdecimal() and len(count) <= _MOST_DIGITS]
    line = {int(count): positive(times, count) for count in counts}
    if len(line) == 1:
        line[round(run.images)] = passes_ms(run)
    return _growing(line, run.images) * passes_ms(run) / run.compute_ms


def _growing(line: Mapping[int, float], images: float) -> float:
    """What share of the time of `images` pictures grows with them, by the ends of `line`."""
    small, large = min(line, default=0), max(line, default=0)
    if small == large or not known(line[small], line[large]) or not images:
        return math.nan
    each = (line[large] - line[small]) / (large - small)
    fixed = line[small] - each * small
    if each <= 0:
        return 0.0
    return 1.0 if fixed <= 0 else each * images / (fixed + each * images)


def _of_calls(run: Measured, parts: Work) -> float:
    if math.isnan(parts.calls_ms):
        return math.nan
    if run.is_cuda:  # which works while the next operator is called
        return 0.0 if parts.calls_ms > parts.device_ms else 1.0
    fixed = min(run.compute_ms, parts.calls_ms + run.phase_ms[names.OPTIMISER])
    return 1 - fixed / run.compute_ms
