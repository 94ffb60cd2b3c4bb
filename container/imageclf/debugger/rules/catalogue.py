"""All rules by name, and the configurations that ask for them."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from imageclf.debugger.rules.activations import DeadRelu, SaturatedActivation
from imageclf.debugger.rules.base import Rule
from imageclf.debugger.rules.changes import UnchangedTensor, WeightUpdateRatio
from imageclf.debugger.rules.confusion import Confusion
from imageclf.debugger.rules.decreasing import LossNotDecreasing
from imageclf.debugger.rules.exploding import ExplodingTensor
from imageclf.debugger.rules.gradients import VanishingGradient
from imageclf.debugger.rules.images import CheckInputImages
from imageclf.debugger.rules.initialization import PoorWeightInitialization
from imageclf.debugger.rules.labels import ClassImbalance
from imageclf.debugger.rules.overfitting import Overfit, Overtraining
from imageclf.debugger.rules.similarity import SimilarAcrossRuns
from imageclf.debugger.rules.stalled import StalledTrainingRule, actions_with_stop
from imageclf.debugger.rules.values import AllZero, TensorVariance
from imageclf.errors import SettingsError

_ALL: tuple[type[Rule], ...] = (
    VanishingGradient,
    ExplodingTensor,
    DeadRelu,
    SaturatedActivation,
    PoorWeightInitialization,
    WeightUpdateRatio,
    AllZero,
    UnchangedTensor,
    TensorVariance,
    SimilarAcrossRuns,
    ClassImbalance,
    Confusion,
    LossNotDecreasing,
    Overfit,
    Overtraining,
    StalledTrainingRule,
    CheckInputImages,
)

RULES: Mapping[str, type[Rule]] = {rule.name: rule for rule in _ALL}
"""Each rule by its documented name (`rule_to_invoke`)."""


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
        object.__setattr__(self, "actions", actions_with_stop(self.parameters, self.actions))

    @classmethod
    def of(cls, rule: str, **parameters: str) -> Self:
        """The rule under its own name; `rule` as in `find`."""
        return cls(find(rule).name, find(rule).name, parameters)

    def make(self) -> Rule:
        """The rule itself.

        Raises:
            SettingsError: there is no such rule, or no such parameter.
        """
        return find(self.rule).from_strings(self.parameters)


def find(name: str) -> type[Rule]:
    """The rule called `name`: `VanishingGradient`, `vanishing_gradient` and `vanishing-gradient`.

    Raises:
        SettingsError: there is none.
    """
    wanted = _plain(name)
    for known, rule in RULES.items():
        if wanted in {_plain(known), _plain(known.removesuffix("Rule"))}:
            return rule
    close = difflib.get_close_matches(wanted, map(_plain, RULES), n=1)
    near = next((known for known in RULES if _plain(known) in close), None)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(RULES)}."
    raise SettingsError(f"There is no rule {name!r}; {hint}")


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
