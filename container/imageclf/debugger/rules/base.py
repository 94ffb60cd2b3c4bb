"""What every rule on tensors has beside what all rules have: what it reads of which collection."""

from abc import abstractmethod
from collections.abc import Mapping

from imageclf.debugger.saved import SavedStep
from imageclf.rules import base

Needs = Mapping[str, frozenset[str]]
"""For each collection the statistics (names in `statistics`, or RAW) that a rule reads of it."""


class Rule(base.Rule[SavedStep]):
    """Looks at the saved steps of one run, in order, each once."""

    @abstractmethod
    def needs(self) -> Needs:
        """What the hook has to save for this rule."""

    def missing(self) -> str:
        """One sentence for a run in which there was nothing to judge; empty when that is fine."""
        kinds = (f"{name} ({', '.join(sorted(one))})" for name, one in sorted(self.needs().items()))
        wanted = " and ".join(kinds) or "tensors"
        return (
            f"{self.name} needs {wanted}, which were not saved; "
            "ask for the rule while training, or save those tensors whole."
        )
