"""How each rule stands: what it looks for, how often it spoke, and what it advises."""

from dataclasses import dataclass

from imageclf.profiler.report.given import Given
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Status

TOLD = 4

_WORDS = {
    Status.IN_PROGRESS: "in progress",
    Status.NO_ISSUES: "no issues found",
    Status.ISSUES: "issues found",
    Status.ERROR: "error",
    Status.STOPPED: "stopped",
}

NOT_EVALUATED = "not evaluated"


@dataclass(frozen=True)
class Standing:
    """A rule as the page shows it.

    Args:
        looked: data points that it judged; `triggered`: times that it spoke.
        told: the first of what it found, sentences; `more` counts the rest.
    """

    name: str
    rule: str
    status: str
    words: str
    description: str
    recommendation: str
    triggered: int
    looked: int
    parameters: tuple[tuple[str, str], ...]
    details: str
    told: tuple[str, ...]
    advice: tuple[str, ...]
    more: int


def of(given: Given) -> list[Standing]:
    """All rules, those that spoke first."""
    found = [standing(rule, state) for rule, state in given.judged]
    return sorted(found, key=lambda one: (not one.triggered, one.words == NOT_EVALUATED))


def standing(rule: ProfilerRule, state: RuleState) -> Standing:
    """One rule."""
    words = words_of(rule, state)
    told = _unique([finding.found for finding in state.findings])
    return Standing(
        name=state.configuration.name,
        rule=rule.name,
        status="Unjudged" if words == NOT_EVALUATED else state.status.value,
        words=words,
        description=getattr(rule, "description", ""),
        recommendation=getattr(rule, "recommendation", ""),
        triggered=state.count,
        looked=rule.looked,
        parameters=parameters(rule),
        details="" if state.findings else state.details.replace(": not evaluated.", "."),
        told=told[:TOLD],
        advice=_unique([finding.advice for finding in state.findings])[:TOLD],
        more=max(0, len(told) - TOLD) + state.left_out,
    )


def words_of(rule: ProfilerRule, state: RuleState) -> str:
    """The status in words; a rule that had nothing to judge has neither passed nor failed."""
    judged = state.findings or rule.looked or state.status in {Status.ERROR, Status.IN_PROGRESS}
    return _WORDS[state.status] if judged else NOT_EVALUATED


def parameters(rule: ProfilerRule) -> tuple[tuple[str, str], ...]:
    """Names and values; not how often the managed service looked, which nothing depends on."""
    given = rule.parameters.model_dump()
    return tuple((name, str(one)) for name, one in given.items() if name != "scan_interval_us")


def _unique(sentences: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, sentences)))
