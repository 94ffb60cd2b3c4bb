"""The configuration that asks for a rule: which, under which name, with which parameters."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_ASKS_TO_STOP = "stop_training_on_fire"
_YES = frozenset({"true", "1", "yes", "on", "t", "y"})

_STOP = '{"name": "stoptraining"}'
_STOPS = re.compile(r"(^|,)\s*stop\s*(,|$)|stoptraining", re.IGNORECASE)


@dataclass(frozen=True)
class RuleConfiguration:
    """A rule that is asked for: a name of its own, parameters as strings, actions as text.

    A parameter that asks to stop the training adds that action. An `optional` rule may find nothing
    to judge: a network without ReLUs has no dead ones.
    """

    name: str
    rule: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    actions: str = ""
    optional: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "actions", _with_stop(self.parameters, self.actions))


def _with_stop(parameters: Mapping[str, str], actions: str) -> str:
    """`actions` and the action stop, where `parameters` ask for it by stop_training_on_fire."""
    if parameters.get(_ASKS_TO_STOP, "").strip().lower() not in _YES:
        return actions
    plain = actions.strip()
    if _STOPS.search(plain):
        return actions
    if plain.startswith("["):
        return f"[{_STOP}, {plain[1:]}"
    if plain.startswith("{"):
        return f"[{_STOP}, {plain}]"
    return f"stop, {plain}" if plain else "stop"
