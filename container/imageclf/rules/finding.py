"""What a rule says: findings, and how its evaluation stands. Values, not exceptions."""

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Status(Enum):
    """How the evaluation of a rule stands; the words of DescribeTrainingJob."""

    IN_PROGRESS = "InProgress"
    NO_ISSUES = "NoIssuesFound"
    ISSUES = "IssuesFound"
    ERROR = "Error"
    STOPPED = "Stopped"


@dataclass(frozen=True)
class Finding:
    """One thing that a rule found.

    Args:
        rule: the rule's name, as in `VanishingGradient`.
        step: number over all modes; `mode_step` counts within `mode` (TRAIN, EVAL, ...).
        tensor: its name; empty when the finding is about no single tensor.
        value: what was measured.
        threshold: the bound that it broke.
        found: one sentence with the figures: what happened where.
        meaning: one sentence: what that means for the training.
        advice: one sentence: what to try.
        details: more for the report, JSON only.
    """

    rule: str
    step: int
    mode: str
    mode_step: int
    tensor: str
    value: float
    threshold: float
    found: str
    meaning: str
    advice: str
    worker: str = "worker_0"
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As it stands in a line of `findings.jsonl`."""
        return asdict(self)
