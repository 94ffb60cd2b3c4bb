"""What watches a training: debugger and profiler, together where it matters."""

from dataclasses import dataclass

from torch import nn

from imageclf.rules.watching import Asked, Statuses
from imageclf.training.account import Plan
from imageclf.training.checkpoint import State
from imageclf.training.debugging import PATIENCE_S, Debugging
from imageclf.training.feed import Feed
from imageclf.training.profiling import Profiling


@dataclass(frozen=True)
class Watch:
    """Both, each on or off."""

    debugging: Debugging
    profiling: Profiling

    def begin(self, plan: Plan, network: nn.Module, feed: Feed, state: State) -> None:
        """Record and watch, from where the training stands; errors as in `Debugging.begin`.

        The profiler comes first: it tries the network before the debugger hooks into it.
        """
        self.profiling.begin(plan, network, feed, state)
        self.debugging.begin(network, state)

    def asked_to_stop(self) -> Asked | None:
        """What a rule of either kind said when it asked the training to end.

        It is known in the first process only.
        """
        return self.debugging.asked_to_stop() or self.profiling.asked_to_stop()

    def statuses(self, patience_s: float = PATIENCE_S) -> dict[str, Statuses]:
        """How the rules stand at the end, by their names in the summary; none where none are.

        Both kinds finish at the same time, so that one wait is nearly enough for both.
        """
        self.profiling.end()
        found = {
            "rules": self.debugging.statuses(patience_s),
            "profiler_rules": self.profiling.statuses(patience_s),
        }
        return {name: statuses for name, statuses in found.items() if statuses}
