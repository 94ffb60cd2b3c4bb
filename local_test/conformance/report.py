"""What was found, as a table for people or as JSON."""

import json
from collections.abc import Sequence

from local_test.conformance.check import Check, Outcome, Verdict

Finding = tuple[Check, Verdict]


def line(check: Check, verdict: Verdict) -> str:
    """One row; a failure is followed by what it failed."""
    row = f"{verdict.outcome:<5} {check.name:<21} {verdict.sentence}"
    if verdict.outcome is not Outcome.BROKEN:
        return row
    return f"{row}\n{'':<28}contract: {check.contract}\n{'':<28}source: {check.source}"


def counts(findings: Sequence[Finding]) -> str:
    """How many there are of each outcome."""
    return ", ".join(f"{number} {outcome}" for outcome, number in _counts(findings).items())


def as_json(url: str, findings: Sequence[Finding]) -> str:
    """The same for programs."""
    content = {
        "url": url,
        "counts": _counts(findings),
        "checks": [
            {
                "name": check.name,
                "contract": check.contract,
                "source": check.source,
                "outcome": verdict.outcome,
                "sentence": verdict.sentence,
            }
            for check, verdict in findings
        ],
    }
    return json.dumps(content, indent=2)


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    outcomes = [verdict.outcome for _, verdict in findings]
    return {str(outcome): outcomes.count(outcome) for outcome in Outcome}
