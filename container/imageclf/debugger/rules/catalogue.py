"""All rules on tensors by name."""

from imageclf.debugger.rules.activations import DeadRelu, SaturatedActivation
from imageclf.debugger.rules.base import Needs, Rule
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
from imageclf.debugger.rules.stalled import StalledTrainingRule
from imageclf.debugger.rules.values import AllZero, TensorVariance
from imageclf.debugger.saved import SavedStep
from imageclf.rules.catalogue import Catalogue
from imageclf.rules.configuration import RuleConfiguration

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

CATALOGUE = Catalogue[SavedStep](_ALL)

RULES = CATALOGUE.rules
"""Each rule by its documented name (`rule_to_invoke`)."""

find, make, of = CATALOGUE.find, CATALOGUE.make, CATALOGUE.of


def needs_of(configuration: RuleConfiguration) -> Needs:
    """What the hook has to save for the rule that is asked for.

    Raises:
        SettingsError: there is no such rule, or no such parameter.
    """
    made = make(configuration)
    assert isinstance(made, Rule)
    return made.needs()
