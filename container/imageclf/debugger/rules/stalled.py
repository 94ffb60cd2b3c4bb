"""StalledTrainingRule: nothing new was saved for a long time.

Live, time goes on without a new step and `wait` notices; afterwards the gap between two steps shows
the same. What passed before the first step and after the last is not in what was saved, so it is
not judged.
"""

from collections.abc import Iterator

from pydantic import Field

from imageclf.debugger import names
from imageclf.debugger.rules.base import Needs, Rule
from imageclf.debugger.rules.telling import at, finding
from imageclf.debugger.saved import SavedStep
from imageclf.debugger.statistics import RAW
from imageclf.rules.finding import Finding
from imageclf.rules.parameters import MaybeText, RuleParameters


class StalledTrainingParameters(RuleParameters):
    """As documented; `threshold` in seconds.

    `training_job_name_prefix` told the managed service which job to stop; here it is the one that
    is watched.
    """

    threshold: float = Field(1800, gt=0)
    stop_training_on_fire: bool = False
    training_job_name_prefix: MaybeText = None


class StalledTrainingRule(Rule):
    """Fires when no new tensor has come for `threshold` seconds.

    The finding is that of the last step before the gap, and names the threshold rather than how
    long the gap was: live, that is not known yet.
    """

    name = "StalledTrainingRule"
    Parameters = StalledTrainingParameters
    parameters: StalledTrainingParameters

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        super().__init__(parameters)
        self._last: SavedStep | None = None
        self._told = False

    def needs(self) -> Needs:
        return {names.LOSSES: frozenset({RAW})}

    def look(self, step: SavedStep) -> Iterator[Finding]:
        self.looked += 1
        yield from self.wait(step.at_s)
        self._last, self._told = step, False

    def wait(self, now_s: float) -> Iterator[Finding]:
        last = self._last
        if last is None or self._told or now_s - last.at_s < self.parameters.threshold:
            return
        self._told = True
        yield self._finding(last)

    def _finding(self, last: SavedStep) -> Finding:
        threshold_s = self.parameters.threshold
        return finding(
            self,
            last,
            None,
            value=threshold_s,
            threshold=threshold_s,
            found=f"For {threshold_s:g} seconds after the tensors {at(last)} no new ones came.",
            meaning="Training stands still, or saves too seldom to be watched.",
            advice="Look whether the reading of pictures hangs (try workers=0), whether one of "
            "several processes has died and the others wait for it, and whether the disk is full; "
            "if steps are only slow, save more often or raise threshold.",
        )
