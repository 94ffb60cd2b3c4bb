"""A set of rules by their names, and rules made as a configuration asks."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Generic

from imageclf.errors import SettingsError
from imageclf.rules.base import Rule, SeenT
from imageclf.rules.configuration import RuleConfiguration


class Catalogue(Generic[SeenT]):
    """Rules of one kind, each by its documented name (`rule_to_invoke`)."""

    def __init__(self, rules: Sequence[type[Rule[SeenT]]]) -> None:
        self.rules: Mapping[str, type[Rule[SeenT]]] = {rule.name: rule for rule in rules}

    def find(self, name: str) -> type[Rule[SeenT]]:
        """The rule called `name`: `VanishingGradient`, `vanishing_gradient`, `vanishing-gradient`.

        Raises:
            SettingsError: there is none.
        """
        wanted = _plain(name)
        for known, rule in self.rules.items():
            if wanted in {_plain(known), _plain(known.removesuffix("Rule"))}:
                return rule
        close = difflib.get_close_matches(wanted, map(_plain, self.rules), n=1)
        near = next((known for known in self.rules if _plain(known) in close), None)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(self.rules)}."
        raise SettingsError(f"There is no rule {name!r}; {hint}")

    def of(self, rule: str, **parameters: str) -> RuleConfiguration:
        """A configuration that asks for `rule`, as in `find`, under its own name."""
        name = self.find(rule).name
        return RuleConfiguration(name, name, parameters)

    def make(self, configuration: RuleConfiguration) -> Rule[SeenT]:
        """The rule that is asked for.

        Raises:
            SettingsError: there is no such rule, or no such parameter.
        """
        return self.find(configuration.rule).from_strings(configuration.parameters)


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
