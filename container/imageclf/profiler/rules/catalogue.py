"""All rules on profiles by name."""

from imageclf.profiler.recorded import Stretch
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.rules.catalogue import Catalogue
from imageclf.rules.configuration import RuleConfiguration

_ALL: tuple[type[ProfilerRule], ...] = ()

CATALOGUE = Catalogue[Stretch](_ALL)

RULES = CATALOGUE.rules
"""Each rule by its documented name (`rule_to_invoke`)."""

find, of = CATALOGUE.find, CATALOGUE.of


def make(configuration: RuleConfiguration) -> ProfilerRule:
    """The rule that is asked for.

    Raises:
        SettingsError: there is no such rule, or no such parameter.
    """
    made = CATALOGUE.make(configuration)
    assert isinstance(made, ProfilerRule)
    return made
