"""When to stop: one training job early, or the whole tuning job. Figures in, verdicts out.

`objectives` are the final values of the training jobs that have one, in the order in which the
jobs ended; `readings` are those of one training job, one for each epoch.
"""

import statistics
from collections.abc import Sequence

_LEAST_JOBS = 3
"""Jobs to compare with before one is stopped: a median of fewer says little."""
_IMPROVEMENT = 0.01
_PATIENCE = 10
_PATIENCE_PER_RANGE = 3


def better(one: float, other: float, maximize: bool) -> bool:
    """Whether `one` is the better objective."""
    return one > other if maximize else one < other


def is_below_median(
    readings: Sequence[float], finished: Sequence[Sequence[float]], maximize: bool
) -> bool:
    """AWS's rule of early stopping, on the last reading of a running job.

    It stops when the reading is worse than the median of the running averages, up to the same
    epoch, of the jobs that came before. Jobs that had no such epoch are not compared with.

    Args:
        readings: of the running job.
        finished: the readings of each job that has ended.
    """
    epoch = len(readings)
    compared = [one[:epoch] for one in finished if len(one) >= epoch]
    if not readings or len(compared) < _LEAST_JOBS:
        return False
    averages = [statistics.fmean(one) for one in compared]
    return better(statistics.median(averages), readings[-1], maximize)


def jobs_not_improving(objectives: Sequence[float], maximize: bool) -> int:
    """How many jobs in a row, up to the last one, did not improve on the best before by 1%."""
    count = 0
    best: float | None = None
    for objective in objectives:
        if best is None or _improves(objective, best, maximize):
            best, count = objective, 0
        else:
            count += 1
    return count


def has_converged(objectives: Sequence[float], ranges: int, maximize: bool) -> bool:
    """Whether no job is likely to be better by more than 1%.

    AWS does not say how it judges. Here: ten jobs in a row, or three for each of the `ranges`
    where that is more, did not improve.
    """
    patience = max(_PATIENCE, _PATIENCE_PER_RANGE * ranges)
    return jobs_not_improving(objectives, maximize) >= patience


def has_reached(objectives: Sequence[float], target: float, maximize: bool) -> bool:
    """Whether a job is as good as `target`."""
    return any(not better(target, objective, maximize) for objective in objectives)


def _improves(objective: float, best: float, maximize: bool) -> bool:
    gain = objective - best if maximize else best - objective
    return gain > 0 and gain >= _IMPROVEMENT * abs(best)
