"""LongCheckpoints: training stands still for checkpoints, or for evaluation, too long."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from imageclf.profiler import names
from imageclf.profiler.recorded import Span, Stretch
from imageclf.profiler.rules.base import Findings, ProfilerParameters
from imageclf.profiler.rules.scanned import ScannedRule
from imageclf.rules.parameters import RuleParameters


class LongCheckpointsParameters(ProfilerParameters):
    """In per cent of the time since the first step, and in seconds."""

    threshold: float = Field(10, ge=0, le=100)
    evaluation_threshold: float = Field(60, ge=0, le=100)
    patience_s: float = Field(30, ge=0)


class LongCheckpoints(ScannedRule):
    """Checkpoints take more than `threshold` % of the time, or evaluation its own share.

    Judged from `patience_s` seconds after the first step on. The defaults: a checkpoint after each
    epoch of half a minute takes a few per cent; evaluating a validation split that is half as
    large as the training's takes a third of an epoch of which only the head learns.
    """

    name = "LongCheckpoints"
    description = "Looks how much of the time goes to checkpoints and evaluation."
    recommendation = (
        "Write checkpoints less often (checkpoint-minutes), onto a faster disk; make the validation"
        " split smaller."
    )

    Parameters = LongCheckpointsParameters
    parameters: LongCheckpointsParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._spans: dict[Span, None] = {}
        self._begin_s: dict[str, float] = {}
        self._end_s: dict[str, float] = {}
        self._step: dict[str, int] = {}

    def take(self, stretch: Stretch) -> None:
        self._spans.update(dict.fromkeys(one for one in stretch.spans if one.name in _KINDS))
        for worker, table in stretch.steps.items():
            if not len(table):
                continue
            self.looked += len(table)
            took_s = np.nan_to_num(table[names.TOOK]) / 1000
            begin_s, end_s = float(table.at_s[0]), float((table.at_s + took_s).max())
            self._begin_s[worker] = min(begin_s, self._begin_s.get(worker, begin_s))
            self._end_s[worker] = max(end_s, self._end_s.get(worker, end_s))
            steps = stretch.train_steps(worker)[names.STEP]
            self._step[worker] = max(self._step.get(worker, 0), int(np.nanmax(steps, initial=0)))

    def judge(self, at_s: float) -> Findings:
        given = self.parameters
        allowed = {names.CHECKPOINT: given.threshold, names.EVALUATION: given.evaluation_threshold}
        for worker, kind, count, took_s, whole_s in self._sums():
            share = 100 * took_s / whole_s
            if whole_s < given.patience_s or share <= allowed[kind]:
                continue
            yield self.tell(
                at_s=at_s,
                step=self._step.get(worker, 0),
                value=share,
                threshold=allowed[kind],
                where=f"{worker} {kind}",
                found=(
                    f"{count} {kind}{'s' if count > 1 else ''} of {worker} took {took_s:.1f} s of "
                    f"{whole_s:.1f} s ({share:.0f} %)."
                ),
                meaning="Nothing is learned meanwhile.",
                advice=f"{_ADVICE[kind]}: each takes {took_s / count:.1f} s.",
            )

    def details(self) -> dict[str, Any]:
        found = [
            {"node": worker, "kind": kind, "count": count, "took_s": took_s, "of_s": whole_s}
            for worker, kind, count, took_s, whole_s in self._sums()
        ]
        return self.judged(self.triggered, spans=found)

    def _sums(self) -> Iterator[tuple[str, str, int, float, float]]:
        """Process, kind, how many, what they took together, and out of what time."""
        for worker, begin_s in self._begin_s.items():
            spans = [one for one in self._spans if one.worker == worker and one.at_s >= begin_s]
            ends_s = [one.at_s + one.took_s for one in spans]
            whole_s = max([self._end_s[worker], *ends_s]) - begin_s
            for kind in _KINDS:
                took_s = [one.took_s for one in spans if one.name == kind]
                if took_s and whole_s > 0:
                    yield worker, kind, len(took_s), sum(took_s), whole_s


_KINDS = (names.CHECKPOINT, names.EVALUATION)

_ADVICE = {
    names.CHECKPOINT: "Raise checkpoint-minutes, or give checkpoints a faster disk",
    names.EVALUATION: "Make the validation split smaller",
}
