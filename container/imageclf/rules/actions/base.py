"""What every action is told, and what it gives back: one sentence, whatever happens."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from imageclf.errors import ActionError
from imageclf.rules.finding import Finding


@dataclass(frozen=True)
class Job:
    """The training job that is watched; all empty outside of SageMaker."""

    name: str = ""
    arn: str = ""
    region: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """The job as the platform tells its container."""
        arn = environment.get("TRAINING_JOB_ARN", "")
        told = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", "")
        return cls(environment.get("TRAINING_JOB_NAME", ""), arn, region_of(arn) or told)

    @property
    def called(self) -> str:
        """How a sentence names it."""
        return f"Training job {self.name}" if self.name else "The training"


def region_of(arn: str) -> str:
    """The region that stands in an ARN; empty when it is none."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 else ""


@dataclass(frozen=True)
class Event:
    """The status of a rule has just turned to IssuesFound.

    Args:
        rule: the name of the rule's configuration.
        finding: the first thing that it found.
        statuses: of all rules, each as it stands in `rule_status.json`.
        stop_file: the file that the training looks at; None where it can only be stopped through
            SageMaker.
    """

    rule: str
    finding: Finding
    statuses: Sequence[Mapping[str, Any]] = ()
    stop_file: Path | None = None
    job: Job = field(default_factory=lambda: Job.of(os.environ))


class Action(ABC):
    """Something that is done once about what a rule found."""

    def fire(self, event: Event) -> str:
        """Do it, and say in one sentence what was done, or why it could not be done.

        A fault of an action is a sentence too: neither rules nor training may suffer from it.
        """
        try:
            return self.do(event)
        except ActionError as error:
            return str(error)

    @abstractmethod
    def do(self, event: Event) -> str:
        """Do it and say so.

        Raises:
            ActionError: it cannot be done.
        """
