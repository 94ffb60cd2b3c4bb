"""What every rule on profiles has beside what all rules have: words for the report, figures."""

from collections.abc import Iterator
from typing import Any, ClassVar

from pydantic import Field

from imageclf.profiler.recorded import Stretch
from imageclf.rules import base
from imageclf.rules.finding import Finding, Status
from imageclf.rules.parameters import RuleParameters

NO_GPU = "No GPU: not evaluated."


class ProfilerParameters(RuleParameters):
    """What each of these rules takes; the managed service looked so often, in microseconds."""

    scan_interval_us: int = Field(60_000_000, gt=0)


class ProfilerRule(base.Rule[Stretch]):
    """Looks at a profile, stretch by stretch, in order, each once.

    `looked` counts data points: samples, or steps.
    """

    description: ClassVar[str]
    """One sentence for the report: what the rule looks for."""

    recommendation: ClassVar[str]
    """One sentence: what to do when it has spoken."""

    needs_gpu: ClassVar[bool] = False
    unjudged: ClassVar[Status] = Status.STOPPED

    Parameters: ClassVar[type[RuleParameters]] = ProfilerParameters

    def missing(self) -> str:
        """Why there was nothing to judge, one sentence; it is neither a pass nor a failure."""
        return NO_GPU if self.needs_gpu else "Too little was recorded: not evaluated."

    def details(self) -> dict[str, Any]:
        """What the report draws of this rule, JSON only; beside the findings."""
        return {}

    def tell(
        self,
        *,
        at_s: float,
        step: int,
        value: float,
        threshold: float,
        found: str,
        meaning: str,
        advice: str,
        where: str = "",
        mode: str = "TRAIN",
        **details: Any,
    ) -> Finding:
        """A finding of this rule at `at_s` seconds of the run, about `where` (a host, a GPU)."""
        return Finding(
            rule=self.name,
            step=step,
            mode=mode,
            mode_step=step,
            tensor=where,
            value=float(value),
            threshold=float(threshold),
            found=found,
            meaning=meaning,
            advice=advice,
            worker=where,
            details={"at_s": round(float(at_s), 3), **details},
        )


Findings = Iterator[Finding]
