"""Lets rules judge a run, piece by piece, and keeps what they found.

What the rules say depends on the pieces alone, not on when or in what portions they come, so that a
run is judged alike while it goes on and afterwards. A rule that fails ends with the status Error;
the others go on.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic

from imageclf.errors import TensorsError
from imageclf.rules.base import Rule, SeenT
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.finding import Finding, Status

MAX_FINDINGS = 200
"""So many findings are kept of a rule, the first; the rest are counted."""

_log = logging.getLogger(__name__)


@dataclass
class RuleState:
    """How the evaluation of one rule stands.

    Args:
        details: one sentence; empty when there is nothing to say.
        changed_at: when the status last changed, Unix time in seconds.
        looked: times that there was something to judge.
        left_out: findings beyond `MAX_FINDINGS`, which were counted only.
    """

    configuration: RuleConfiguration
    status: Status = Status.IN_PROGRESS
    details: str = ""
    changed_at: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    looked: int = 0
    left_out: int = 0

    @property
    def count(self) -> int:
        """All findings, also those that were not kept."""
        return len(self.findings) + self.left_out


OnFinding = Callable[[RuleState, Finding], None]
OnStatus = Callable[[RuleState], None]


class Engine(Generic[SeenT]):
    """Evaluates `rules`, each with the configuration that asked for it.

    Args:
        on_finding: called with each finding that is kept.
        on_status: called when a rule's status has changed.
        clock: Unix time.
    """

    def __init__(
        self,
        rules: Sequence[tuple[RuleConfiguration, Rule[SeenT]]],
        on_finding: OnFinding = lambda _state, _finding: None,
        on_status: OnStatus = lambda _state: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._judges = [
            _Judge(rule, RuleState(configuration, changed_at=clock()), on_finding, on_status, clock)
            for configuration, rule in rules
        ]

    @property
    def states(self) -> list[RuleState]:
        """One for each rule, in their order."""
        return [judge.state for judge in self._judges]

    def look(self, pieces: Iterable[SeenT]) -> None:
        """Judge the next pieces of the run."""
        for piece in pieces:
            for judge in self._judges:
                judge.look(piece)

    def wait(self, now_s: float) -> None:
        """Judge that nothing new has come by `now_s` (Unix time)."""
        for judge in self._judges:
            judge.wait(now_s)

    def finish(self) -> None:
        """Judge the run as a whole: it has ended, and each rule gets its last status."""
        for judge in self._judges:
            judge.finish()

    def stop(self) -> None:
        """Leave off before the end: rules that have found nothing so far are Stopped."""
        for judge in self._judges:
            judge.stop()


class _Judge(Generic[SeenT]):
    """One rule at work."""

    def __init__(
        self,
        rule: Rule[SeenT],
        state: RuleState,
        on_finding: OnFinding,
        on_status: OnStatus,
        clock: Callable[[], float],
    ) -> None:
        self.state = state
        self._rule = rule
        self._on_finding, self._on_status, self._clock = on_finding, on_status, clock
        self._failed = self._done = False
        self._unread = ""

    def look(self, piece: SeenT) -> None:
        self._take(lambda: self._rule.look(piece))

    def wait(self, now_s: float) -> None:
        self._take(lambda: self._rule.wait(now_s))

    def finish(self) -> None:
        self._take(self._rule.finish)
        if not self._done and self.state.status is Status.IN_PROGRESS:
            self._conclude()
        self._done = True

    def stop(self) -> None:
        self._rule.stop()
        if not self._done and self.state.status is Status.IN_PROGRESS:
            self._turn(Status.STOPPED, "The evaluation was stopped before the training ended.")
        self._done = True

    def _conclude(self) -> None:
        missing = "" if self.state.looked else self._rule.missing()
        if not self.state.looked and self._unread:
            self._turn(Status.ERROR, self._unread)
        elif missing and not self.state.configuration.optional:
            self._turn(self._rule.unjudged, missing)
        else:
            self._turn(Status.NO_ISSUES, self._unread or missing)

    def _take(self, produce: Callable[[], Iterator[Finding]]) -> None:
        if self._failed or self._done:
            return
        try:
            for finding in produce():
                self._keep(finding)
        except TensorsError as error:
            self._unread = str(error)
        except Exception as error:  # noqa: BLE001  (a rule may be anybody's; the others go on)
            self._fail(error)
        self.state.looked = self._rule.looked

    def _keep(self, finding: Finding) -> None:
        if len(self.state.findings) < MAX_FINDINGS:
            self.state.findings.append(finding)
            self._on_finding(self.state, finding)
        else:
            self.state.left_out += 1
        self.state.details = self._rule.headline() or _details(self.state)
        if self.state.status is Status.IN_PROGRESS:
            self._turn(Status.ISSUES, self.state.details)

    def _fail(self, error: Exception) -> None:
        """A rule that has found something keeps that status: the finding stays true."""
        self._failed = True
        name = self.state.configuration.name
        _log.warning("Rule %s failed.", name, exc_info=error)
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        sentence = f"Rule {name} failed and judges nothing further ({cause})."
        if self.state.status is Status.IN_PROGRESS:
            self._turn(Status.ERROR, sentence)
        else:
            self.state.details = f"{self.state.details} {sentence}"

    def _turn(self, status: Status, details: str) -> None:
        self.state.status, self.state.details = status, details
        self.state.changed_at = self._clock()
        self._on_status(self.state)


def _details(state: RuleState) -> str:
    first, more = state.findings[0].found, state.count - 1
    return f"{first} ({more} more finding{'s' if more > 1 else ''}.)" if more else first
