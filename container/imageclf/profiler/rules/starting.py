"""MaxInitializationTime: how long it takes until the first step begins."""

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Span, Stretch
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.scanned import Kept, ScannedRule
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import RuleParameters


class MaxInitializationTimeParameters(ProfilerParameters):
    """In minutes."""

    threshold: float = Field(20, gt=0)


class MaxInitializationTime(ScannedRule):
    """The first step has not begun `threshold` minutes after the run began; fractions count."""

    name = "MaxInitializationTime"
    description = "Looks whether it takes long until the first step begins."
    recommendation = (
        "Look at the parts of the initialisation, and shorten the longest: fewer pictures to check,"
        " a nearer disk, smaller downloads."
    )

    Parameters = MaxInitializationTimeParameters
    parameters: MaxInitializationTimeParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._threshold_s = self.parameters.threshold * 60
        self._began_s: dict[str, float] = {}
        self._steps = Kept()
        self._spans: dict[Span, None] = {}
        self._job_s: list[float] = []

    def take(self, stretch: Stretch) -> None:
        for worker, table in stretch.steps.items():
            self.looked += self._steps.add(worker, table)
            if len(table):
                first_s = float(table.at_s[0])
                self._began_s[worker] = min(first_s, self._began_s.get(worker, first_s))
        for table in stretch.system.values():
            self.looked += len(table)
            self._job_s += [float(at_s) for at_s in table.at_s[[0, -1]]] if len(table) else []
            self._job_s = [min(self._job_s), max(self._job_s)] if self._job_s else []
        self._spans.update(dict.fromkeys(stretch.spans))

    def judge(self, at_s: float) -> Findings:
        if not self._began_s and at_s > self._threshold_s:
            yield self._found(at_s, at_s, f"No step has begun {_long(at_s)} into the run")
        elif self._began_s:
            worker, began_s = max(self._began_s.items(), key=lambda one: one[1])
            if began_s > self._threshold_s:
                found = f"The first step of {worker} began {_long(began_s)} into the run"
                yield self._found(at_s, began_s, found)

    def details(self) -> dict[str, Any]:
        lasts = [float(self._steps[worker].at_s[-1]) for worker in self._steps]
        step_num = {"first": min(self._began_s.values()), "last": max(lasts)} if lasts else {}
        job = dict(zip(("job_start", "job_end"), self._job_s, strict=False))
        return self.judged(self.triggered, step_num=step_num, parts=dict(self._parts()), **job)

    def _found(self, at_s: float, began_s: float, found: str) -> Finding:
        parts = sorted(self._parts(), key=lambda part: -part[1])
        longest = ", ".join(f"{name} {took_s:.1f} s" for name, took_s in parts[:3])
        advice = f"The longest parts are {longest}; shorten those" if longest else ""
        return self.tell(
            at_s=at_s,
            step=0,
            value=began_s / 60,
            threshold=self._threshold_s / 60,
            found=f"{found}, later than the {_long(self._threshold_s)} that are allowed.",
            meaning="Until then the machine is paid for and learns nothing.",
            advice=f"{advice or 'Look in the log what the program did until then'}.",
        )

    def _parts(self) -> Iterator[tuple[str, float]]:
        """What came before the first step, each part's longest."""
        first_s = min(self._began_s.values(), default=float("inf"))
        whole = {names.INITIALISATION, names.TRAINING_LOOP, names.FINALISATION}
        took_s: dict[str, float] = {}
        for span in self._spans:
            if span.name not in whole and span.at_s + span.took_s <= first_s + 1e-3:
                took_s[span.name] = max(span.took_s, took_s.get(span.name, 0.0))
        yield from took_s.items()


def _long(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds >= 120 else f"{seconds:.1f} s"
