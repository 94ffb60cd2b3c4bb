"""ProfilerReport: a rule that runs all others, as clients of the managed service ask for it."""

import difflib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Self

from imageclf.errors import ImageclfError, SettingsError
from imageclf.profiler.recorded import Stretch
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.rules.catalogue import Catalogue
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Finding, Status
from imageclf.rules.parameters import RuleParameters


class RulesInside(ProfilerRule):
    """Runs the rules of `others`, each with the parameters that are given as `Rule_parameter`.

    What is not given has its documented default. Findings are those of the rules inside, under
    their names. The catalogue makes the rule of it, since it alone knows all others.
    """

    name = "ProfilerReport"
    description = "Runs all rules on profiles, and writes the profiler report."
    recommendation = "Read the sections of the rules that found something."
    others: ClassVar[Catalogue[Stretch]]

    def __init__(
        self,
        parameters: RuleParameters | None = None,
        given: Mapping[str, Mapping[str, str]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(parameters)
        self._given = given or {}
        self._rules = [self._make(name) for name in self.others.rules]
        self._found: list[Finding] = []
        self._engine = Engine[Stretch](
            [(_configuration(rule, self._given), rule) for rule in self._rules],
            on_finding=lambda _state, finding: self._found.append(finding),
            clock=clock,
        )

    @classmethod
    def from_strings(cls, given: Mapping[str, str]) -> Self:
        """The rule with parameters of the others, as in `CPUBottleneck_cpu_threshold=90`.

        Names of rules may be written in any case, as SageMaker's SDK takes them.

        Raises:
            SettingsError: a name is not of this form, or a rule or its parameter is unknown.
        """
        parted: dict[str, dict[str, str]] = {}
        for key, value in given.items():
            rule, parameter = cls._parted(key)
            parted.setdefault(rule, {})[parameter] = value
        return cls(given=parted)

    @property
    def judged(self) -> list[tuple[ProfilerRule, RuleState]]:
        """Each rule inside with how its evaluation stands."""
        return list(zip(self._rules, self._engine.states, strict=True))

    def look(self, seen: Stretch) -> Iterator[Finding]:
        self._engine.look([seen])
        yield from self._fresh()

    def wait(self, now_s: float) -> Iterator[Finding]:
        self._engine.wait(now_s)
        yield from self._fresh()

    def finish(self) -> Iterator[Finding]:
        """As for every rule.

        Raises:
            ImageclfError: a rule inside has failed, so that not all was judged.
        """
        self._engine.finish()
        yield from self._fresh()
        failed = [state for state in self._engine.states if state.status is Status.ERROR]
        if failed:
            raise ImageclfError(" ".join(state.details for state in failed))

    def stop(self) -> None:
        self._engine.stop()

    def headline(self) -> str:
        counts = {rule.name: state.count for rule, state in self.judged if state.count}
        if not counts:
            return ""
        parts = ", ".join(f"{name} ({count})" for name, count in counts.items())
        return f"Rules that found something, and how often: {parts}."

    def details(self) -> dict[str, Any]:
        return {
            "rules": {
                rule.name: {
                    "status": state.status.value,
                    "details": state.details,
                    "findings": state.count,
                }
                for rule, state in self.judged
            },
            "RuleParameters": {
                f"{rule}_{name}": value
                for rule, parameters in self._given.items()
                for name, value in parameters.items()
            },
        }

    def _make(self, name: str) -> ProfilerRule:
        made = self.others.make(RuleConfiguration(name, name, self._given.get(name, {})))
        assert isinstance(made, ProfilerRule)
        return made

    def _fresh(self) -> Iterator[Finding]:
        found, self._found = self._found, []
        self.looked = max((state.looked for state in self._engine.states), default=0)
        yield from found

    @classmethod
    def _parted(cls, key: str) -> tuple[str, str]:
        written, underscore, parameter = key.partition("_")
        if not underscore or not parameter:
            raise SettingsError(
                f"{key!r} of rule ProfilerReport is not of the form Rule_parameter, as in "
                "CPUBottleneck_cpu_threshold."
            )
        rules = {name.lower(): name for name in cls.others.rules}
        rule = rules.get(written.lower())
        if rule is None:
            raise SettingsError(
                f"ProfilerReport runs no rule {written!r}{_hint(written, rules.values())}"
            )
        known = cls.others.rules[rule].Parameters.model_fields
        if parameter.lower() not in known:
            raise SettingsError(
                f"Rule {rule} has no parameter {parameter!r}{_hint(parameter, known)}"
            )
        return rule, parameter.lower()


def _configuration(rule: ProfilerRule, given: Mapping[str, Mapping[str, str]]) -> RuleConfiguration:
    return RuleConfiguration(rule.name, rule.name, given.get(rule.name, {}))


def _hint(written: str, known: Iterable[str]) -> str:
    names = list(known)
    lowered = {name.lower(): name for name in names}
    close = difflib.get_close_matches(written.lower(), lowered, n=1)
    return f"; did you mean {lowered[close[0]]}?" if close else f"; there are {', '.join(names)}."
