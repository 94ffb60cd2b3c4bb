"""Rules as they are asked for: as text in a hyperparameter, or as the list of a training job.

The text is `standard`, or names with commas between them, each with or without parameters:
`overfit,VanishingGradient(threshold=1e-9),tensor_variance(max_threshold=10;tensor_regex=^fc)`.
Semicolons part the parameters, so that a value may hold commas; parentheses in a value must match.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imageclf.errors import SettingsError
from imageclf.rules.catalogue import Catalogue
from imageclf.rules.configuration import RuleConfiguration

STANDARD = "standard"
OFF = "off"

RULE_TO_INVOKE = "rule_to_invoke"
ACTIONS = "action_json"
"""Parameter in which SageMaker's SDK sends the actions of a rule."""

_SOURCE = "source_s3_uri"
_OPTIONAL = "Optional"
_MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Asking:
    """Reads which rules of a catalogue are asked for; `standard` is what that word stands for."""

    catalogue: Catalogue[Any]
    standard: tuple[RuleConfiguration, ...]

    def parse(self, text: str, custom: Collection[str] = ()) -> tuple[RuleConfiguration, ...]:
        """The rules that `text` asks for, none for `off`.

        What is asked for twice comes once; a rule with other parameters again gets a numbered name.

        Args:
            custom: names that are rules too, besides the catalogue's; their parameters are not
                looked at.

        Raises:
            SettingsError: a rule or parameter is unknown, a value is wrong, or the text is
                malformed.
        """
        asked: list[RuleConfiguration] = []
        for part in _split(text, ","):
            if part == OFF:
                continue
            asked += self.standard if part == STANDARD else [self._one(part, custom)]
        return tuple(_distinct(asked))

    def from_list(
        self, content: object, custom: Collection[str] = ()
    ) -> tuple[RuleConfiguration, ...]:
        """The rules of a list shaped as DebugRuleConfigurations of CreateTrainingJob.

        Each may have `Actions`, a text; else its actions are those of its parameter
        `action_json`. One with `Optional` true may find nothing to judge.

        Raises:
            SettingsError: the list is not of that shape, or as in `parse`.
        """
        if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
            raise SettingsError("The rules must be a JSON list of objects, one for each rule.")
        asked = tuple(self._requested(each, custom) for each in content)
        names = [each.name for each in asked]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingsError(f"Two rules are called {twice[0]!r}; give each a name of its own.")
        return asked

    def from_file(self, path: Path, custom: Collection[str] = ()) -> tuple[RuleConfiguration, ...]:
        """The rules of a JSON file that holds such a list.

        Raises:
            SettingsError: the file cannot be read or is not JSON, or as in `from_list`.
        """
        try:
            with path.open("rb") as file:
                content = json.loads(file.read(_MAX_FILE_BYTES))
        except OSError as error:
            raise SettingsError(f"{path} cannot be read ({error.strerror}).") from error
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"{path} is not valid JSON ({error}); correct the file.") from error
        return self.from_list(content, custom)

    def _one(self, text: str, custom: Collection[str]) -> RuleConfiguration:
        name, opened, rest = text.partition("(")
        if opened and not rest.endswith(")"):
            raise SettingsError(f"Rule {text!r} is malformed; write NAME(parameter=value;...).")
        parameters: dict[str, str] = {}
        for part in _split(rest[:-1], ";"):
            parameter, equals, value = part.partition("=")
            if not equals or not parameter.strip():
                raise SettingsError(f"{part!r} of rule {name.strip()} is not parameter=value.")
            parameters[parameter.strip()] = value.strip()
        return self._checked(name.strip(), name.strip(), parameters, "", custom)

    def _requested(self, content: Mapping[str, Any], custom: Collection[str]) -> RuleConfiguration:
        given = content.get("RuleParameters") or {}
        if not isinstance(given, dict):
            raise SettingsError("RuleParameters of a rule must be an object of texts.")
        parameters = {str(name): str(value) for name, value in given.items()}
        rule = parameters.pop(RULE_TO_INVOKE, "")
        name = str(content.get("RuleConfigurationName") or rule)
        if not rule:
            raise SettingsError(f"Rule {name!r} has no {RULE_TO_INVOKE} among its RuleParameters.")
        parameters.pop(_SOURCE, None)
        actions = str(content.get("Actions") or parameters.get(ACTIONS) or "")
        parameters.pop(ACTIONS, None)
        checked = self._checked(name, rule, _with_trials(parameters), actions, custom)
        return replace(checked, optional=content.get(_OPTIONAL) is True)

    def _checked(
        self,
        name: str,
        rule: str,
        parameters: Mapping[str, str],
        actions: str,
        custom: Collection[str],
    ) -> RuleConfiguration:
        if rule in custom:
            return RuleConfiguration(name, rule, parameters, actions)
        known = self.catalogue.find(rule)
        called = known.name if name == rule else name
        configuration = RuleConfiguration(called, known.name, parameters, actions)
        self.catalogue.make(configuration)
        return configuration


def as_list(configurations: Sequence[RuleConfiguration]) -> list[dict[str, Any]]:
    """The same as `from_list` reads."""
    return [
        {
            "RuleConfigurationName": each.name,
            "RuleParameters": {RULE_TO_INVOKE: each.rule, **each.parameters},
            "Actions": each.actions,
            _OPTIONAL: each.optional,
        }
        for each in configurations
    ]


def _with_trials(parameters: dict[str, str]) -> dict[str, str]:
    """The SDK sends the paths of other trials as `other_trial_0`, `other_trial_1`, ..."""
    numbered = [name for name in parameters if name.startswith("other_trial_")]
    trials = [parameters.pop(name) for name in sorted(numbered, key=lambda name: (len(name), name))]
    return {**parameters, "other_trials": ",".join(trials)} if trials else parameters


def _split(text: str, separator: str) -> Iterator[str]:
    """The parts between separators that stand in no parentheses; empty ones are left out."""
    depth, start = 0, 0
    for position, character in enumerate(text + separator):
        if character == separator and depth == 0:
            if part := text[start:position].strip():
                yield part
            start = position + 1
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
    if depth != 0:
        raise SettingsError(f"The parentheses of {text!r} do not match.")


def _distinct(asked: Sequence[RuleConfiguration]) -> Iterator[RuleConfiguration]:
    times: dict[str, int] = {}
    once = [each for position, each in enumerate(asked) if each not in asked[:position]]
    for each in once:
        times[each.name] = times.get(each.name, 0) + 1
        name = each.name if times[each.name] == 1 else f"{each.name}-{times[each.name]}"
        yield replace(each, name=name)
