"""What a check is, what it finds, and where AWS says so."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from imageclf.errors import EndpointError
from local_test.conformance.subject import Subject

_GUIDE = "Amazon SageMaker AI Developer Guide"
HOSTING = f"{_GUIDE}, Custom Inference Code with Hosting Services"
MULTI_MODEL = f"{_GUIDE}, Custom Containers Contract for Multi-Model Endpoints"
BATCH = f"{_GUIDE}, Custom Inference Code with Batch Transform"
INVOKE = "Amazon SageMaker AI Runtime API Reference, InvokeEndpoint"


class Outcome(StrEnum):
    """How a check ended."""

    KEPT = "pass"
    BROKEN = "fail"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True)
class Verdict:
    """An outcome, with one sentence on what was seen."""

    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Check:
    """One statement of the contract: `look` finds out whether `Subject` keeps it."""

    name: str
    contract: str
    source: str
    look: Callable[[Subject], Verdict]

    def judge(self, subject: Subject) -> Verdict:
        """The verdict; no answer at all is a fault."""
        try:
            return self.look(subject)
        except EndpointError as error:
            return failed(str(error))


def passed(sentence: str) -> Verdict:
    """The contract is kept."""
    return Verdict(Outcome.KEPT, sentence)


def failed(sentence: str) -> Verdict:
    """The contract is broken."""
    return Verdict(Outcome.BROKEN, sentence)


def not_applicable(sentence: str) -> Verdict:
    """It says nothing about this server, or was not asked for."""
    return Verdict(Outcome.NOT_APPLICABLE, sentence)


def judged(kept: bool, sentence: str) -> Verdict:
    """Passed or failed."""
    return passed(sentence) if kept else failed(sentence)
