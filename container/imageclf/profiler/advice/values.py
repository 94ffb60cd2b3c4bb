"""What advice is, as the report and programs read it. Times are seconds, shares 0 to 1."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Loss:
    """A share of the time that is lost to something: data, launches, memory.

    Args:
        of: `step` or `run`; what the share is a share of.
    """

    name: str
    share: float
    said: str
    of: str = "step"


@dataclass(frozen=True)
class Prediction:
    """A change, and what the run would take with it, by a model that `basis` states.

    Args:
        change: what to set, as in `workers=2`.
        step_ms, run_s: predicted; `step_ms` is the mean where steps would differ, `run_s` is the
            training loop as long as this run's.
        saved_share: of this run's time; negative when it would take longer.
        run_cost: what the run would cost, in dollars; None where no price is known.
        pays: whether it is worth telling a person to do it.
        error: by how much such predictions of the step's time were wrong when they were followed,
            as a share of it; None where nobody has followed any.
    """

    change: str
    said: str
    basis: str
    step_ms: float
    run_s: float
    saved_share: float
    run_cost: float | None = None
    pays: bool = False
    error: float | None = None


@dataclass(frozen=True)
class Roofline:
    """How far the step is from the limit of the machine; per second and per step."""

    peak_gflops: float
    bandwidth_gb_s: float
    step_gflop: float
    step_gb: float
    achieved_gflops: float
    limit_ms: float
    step_ms: float
    bound_by: str
    said: str


@dataclass(frozen=True)
class Advised:
    """All advice on a run.

    Args:
        losses: the largest first.
        predictions: what saves most first.
        gaps: sentences on what could not be said, and why.
        facts: the figures that the advice stands on: `step_ms`, `images_per_s`, `run_s` (of the
            training loop), `total_s`, `run_cost`, and the mean time of each phase.
    """

    losses: tuple[Loss, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    roofline: Roofline | None = None
    gaps: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
