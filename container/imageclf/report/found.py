"""What rules said of a run, read for a page: each rule that spoke, and its first finding."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imageclf.report.files import RuleStatus

FINDINGS = "findings.jsonl"
PROFILER_FINDINGS = "profiler_findings.jsonl"

SPOKE = "IssuesFound"
PASSED = "NoIssuesFound"

_MOST_BYTES = 1 << 24


@dataclass(frozen=True)
class Spoken:
    """A rule that found something: what, what that means, what to try."""

    rule: str
    found: str
    meaning: str = ""
    advice: str = ""


def spoken(rules: Sequence[RuleStatus], findings: Path) -> list[Spoken]:
    """The rules that found something, in their order.

    Args:
        findings: the file of all findings; without it only the statuses' own words are known.
    """
    read = list(_read(findings))
    return [_of(one, read) for one in rules if one.status == SPOKE]


def _of(rule: RuleStatus, findings: Sequence[dict[str, Any]]) -> Spoken:
    for one in findings:
        found = str(one.get("found", ""))
        if found and rule.details.startswith(found):
            told = (str(one.get(name, "")) for name in ("meaning", "advice"))
            return Spoken(rule.name, found, *told)
    return Spoken(rule.name, rule.details)


def _read(path: Path) -> Iterable[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except OSError:
        return
    for line in lines:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            yield content
