"""What every rule has: a name, parameters under documented names, needs, a look at each step."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from imageclf.debugger.finding import Finding
from imageclf.debugger.saved import SavedStep
from imageclf.errors import SettingsError

Needs = Mapping[str, frozenset[str]]
"""For each collection the statistics (names in `statistics`, or RAW) that a rule reads of it."""


def _none(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().lower() in {"none", ""} else value


Maybe = BeforeValidator(_none)
"""Marks a parameter that may be None, written `None`."""

MaybeText = Annotated[str | None, Maybe]
MaybeFloat = Annotated[float | None, Maybe]
MaybeInt = Annotated[int | None, Maybe]


class RuleParameters(BaseModel):
    """Parameters of a rule under their documented names; values may come as strings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(ABC):
    """Looks at the saved steps of one run, in order, each once.

    A rule keeps what it needs of earlier steps itself, and nothing else decides what it finds: the
    same steps give the same findings, live or afterwards.
    """

    name: ClassVar[str]
    Parameters: ClassVar[type[RuleParameters]] = RuleParameters

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
    def needs(self) -> Needs:
        """What the hook has to save for this rule."""

    @abstractmethod
    def look(self, step: SavedStep) -> Iterator[Finding]:
        """What is wrong at this step, given the earlier ones. Adds to `looked` when it judged."""

    def wait(self, now_s: float) -> Iterator[Finding]:  # noqa: ARG002
        """What is wrong when nothing new has come by `now_s` (Unix time); only some rules mind."""
        return iter(())

    def finish(self) -> Iterator[Finding]:
        """What is wrong with the run as a whole, now that it has ended."""
        return iter(())

    def missing(self) -> str:
        """One sentence for a run in which there was nothing to judge; empty when that is fine."""
        kinds = (f"{name} ({', '.join(sorted(one))})" for name, one in sorted(self.needs().items()))
        wanted = " and ".join(kinds) or "tensors"
        return (
            f"{self.name} needs {wanted}, which were not saved; "
            "ask for the rule while training, or save those tensors whole."
        )


def _fault(rule: type[Rule], detail: Any) -> str:
    name = ".".join(map(str, detail["loc"])) or "?"
    if detail["type"] == "extra_forbidden":
        known = ", ".join(rule.Parameters.model_fields) or "none"
        return f"Rule {rule.name} has no parameter {name}; it has {known}."
    return f"Parameter {name} of rule {rule.name} is {detail['input']!r}: {detail['msg']}."
