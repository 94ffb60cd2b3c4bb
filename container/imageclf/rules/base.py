"""What every rule has, whatever it looks at: a name, parameters, a look at each thing it is shown.

Rules of the debugger look at the saved steps of a run, rules of the profiler at stretches of time.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import ValidationError

from imageclf.errors import SettingsError
from imageclf.rules.finding import Finding, Status
from imageclf.rules.parameters import RuleParameters

SeenT = TypeVar("SeenT")
"""What is looked at."""


class Rule(ABC, Generic[SeenT]):
    """Looks at one run, piece by piece, in order, each piece once.

    A rule keeps what it needs of earlier pieces itself, and nothing else decides what it finds: the
    same pieces give the same findings, live or afterwards.
    """

    name: ClassVar[str]
    Parameters: ClassVar[type[RuleParameters]] = RuleParameters
    unjudged: ClassVar[Status] = Status.ERROR
    """The last status of a rule that had nothing to judge and says why in `missing`."""

    def __init__(self, parameters: RuleParameters | None = None) -> None:
        self.parameters = parameters if parameters is not None else self.Parameters()
        self.looked = 0
        """Times that there was something to judge."""

    @classmethod
    def from_strings(cls, given: Mapping[str, str]) -> Self:
        """The rule with parameters as a client of SageMaker sends them.

        Raises:
            SettingsError: a parameter is unknown or its value not of its type.
        """
        try:
            return cls(cls.Parameters.model_validate(dict(given)))
        except ValidationError as error:
            faults = " ".join(_fault(cls, detail) for detail in error.errors())
            raise SettingsError(faults) from error

    @abstractmethod
    def look(self, seen: SeenT) -> Iterator[Finding]:
        """What is wrong here, given what came before. Adds to `looked` when it judged."""

    def wait(self, now_s: float) -> Iterator[Finding]:  # noqa: ARG002
        """What is wrong when nothing new has come by `now_s` (Unix time); only some rules mind."""
        return iter(())

    def finish(self) -> Iterator[Finding]:
        """What is wrong with the run as a whole, now that it has ended."""
        return iter(())

    def stop(self) -> None:
        """Take note that the evaluation is left off before the run has ended."""

    def headline(self) -> str:
        """One sentence on all findings so far; empty when the first one and their count will do."""
        return ""

    def missing(self) -> str:
        """One sentence for a run in which there was nothing to judge; empty when that is fine."""
        return ""


def _fault(rule: type[Rule[Any]], detail: Any) -> str:
    name = ".".join(map(str, detail["loc"])) or "?"
    if detail["type"] == "extra_forbidden":
        known = ", ".join(rule.Parameters.model_fields) or "none"
        return f"Rule {rule.name} has no parameter {name}; it has {known}."
    return f"Parameter {name} of rule {rule.name} is {detail['input']!r}: {detail['msg']}."
