"""All that the page is made of, gathered once: what was recorded, judged, traced and advised.

Whatever of it fails is left out and said in `gaps`: a page with a hole is better than none.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from imageclf.profiler import kernels as tracing
from imageclf.profiler import names
from imageclf.profiler.advice import advise as advising
from imageclf.profiler.advice.values import Advised
from imageclf.profiler.kernels import Kernels
from imageclf.profiler.recorded import EMPTY, Floats, Span, Stretch, Table
from imageclf.profiler.report.axes import Scale, Unit, time_unit
from imageclf.profiler.rules.base import ProfilerRule
from imageclf.profiler.rules.report_rule import RulesInside
from imageclf.profiler.run import Profile
from imageclf.rules.engine import RuleState

Judged = Sequence[tuple[ProfilerRule, RuleState]]
"""Each rule with how its evaluation stands."""

_LARGEST = 1e12
"""No share, time or size of a machine is beyond it."""

_LAST_S = 253402300799
"""The end of the year 9999."""

_log = logging.getLogger(__name__)

_MadeT = TypeVar("_MadeT")


@dataclass
class Given:
    """A run as the page shows it; times are seconds since it began."""

    whole: Stretch
    judged: Judged
    advised: Advised
    kernels: Kernels | None
    machine: Mapping[str, Any]
    began_wall_s: float
    gaps: list[str] = field(default_factory=list)
    _figures: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def workers(self) -> dict[str, Mapping[str, Any]]:
        """Facts about each process, in the order of their ranks."""
        known = self.whole.workers
        every = {*known, *self.whole.steps}
        return {name: known.get(name, {}) for name in sorted(every, key=self._rank)}

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """Facts about the first process."""
        return next(iter(self.workers.values()), {})

    @cached_property
    def training(self) -> dict[str, Table]:
        """The training steps of each process that has some."""
        found = {name: self.whole.train_steps(name) for name in self.workers}
        return {name: table for name, table in found.items() if len(table)}

    @cached_property
    def evaluation(self) -> dict[str, Table]:
        """The evaluation steps of each process that has some."""
        tables = {name: self.whole.steps.get(name, EMPTY) for name in self.workers}
        found = {name: one.where(one[names.MODE] == names.EVAL) for name, one in tables.items()}
        return {name: table for name, table in found.items() if len(table)}

    @cached_property
    def end_s(self) -> float:
        """When the last of all that was recorded ended."""
        ends = [span.at_s + span.took_s for span in self.whole.spans]
        ends += [float(one.at_s[-1]) for one in self.whole.system.values() if len(one)]
        for table in self.whole.steps.values():
            ends += [float(np.max(ends_s(table), initial=0.0))] if len(table) else []
        return max(ends, default=0.0)

    @cached_property
    def unit(self) -> Unit:
        """Of the time axes."""
        return time_unit(self.end_s)

    @property
    def time(self) -> Scale:
        """The axis of time, from the beginning of the run to its end."""
        end_s = self.end_s if self.end_s > 0 else 1.0
        return Scale(f"time, {self.unit.name}", (0, end_s / self.unit.seconds))

    @property
    def gpus(self) -> list[tuple[str, int]]:
        """Host and number of each GPU."""
        return [(host, gpu) for host, table in self.whole.system.items() for gpu in table.gpus]

    def spans(self, name: str) -> list[Span]:
        """Those of the first process."""
        first = next(iter(self.workers), "")
        return [span for span in self.whole.spans if span.name == name and span.worker == first]

    def figures(self, rule: str) -> dict[str, Any]:
        """What a rule hands over to be drawn; empty when it was not evaluated."""
        if rule not in self._figures:
            found = next((one for one, _ in self.judged if one.name == rule), None)
            nothing: dict[str, Any] = {}
            self._figures[rule] = (
                attempt(f"The figures of {rule}", found.details, nothing, self.gaps)
                if found
                else nothing
            )
        return self._figures[rule]

    def parameter(self, rule: str, name: str, default: float) -> float:
        """A parameter of a rule as it was evaluated."""
        for one, _ in self.judged:
            if one.name == rule:
                return float(getattr(one.parameters, name, default))
        return default

    def _rank(self, name: str) -> tuple[int, str]:
        rank = self.whole.workers.get(name, {}).get("rank")
        return rank if isinstance(rank, int) else 0, name


def gather(profile: Profile, judged: Judged) -> Given:
    """All that is known of a run, which was refreshed."""
    gaps: list[str] = []
    kernels = attempt(
        "The traces of kernels", lambda: tracing.summarise(profile.folder), None, gaps
    )
    advised = attempt("Advice", lambda: advising.advise(profile, kernels), Advised(), gaps)
    return Given(
        _known(profile.whole()),
        flat(judged),
        advised,
        kernels,
        profile.machine,
        profile.began_wall_s,
        [*gaps, *profile.notes],
    )


def _known(whole: Stretch) -> Stretch:
    """The same without numbers that can only be damage; NaN stands for them."""
    return replace(
        whole,
        system={name: _sound(table) for name, table in whole.system.items()},
        steps={name: _sound(table) for name, table in whole.steps.items()},
        reads={name: _sound(table) for name, table in whole.reads.items()},
    )


def _sound(table: Table) -> Table:
    columns = {
        name: np.where(np.abs(values) < _LARGEST, values, np.nan)
        for name, values in table.columns.items()
    }
    return Table(table.at_s, columns)


def flat(judged: Judged) -> list[tuple[ProfilerRule, RuleState]]:
    """The rules and, in the place of one that runs others, those; each of a name once."""
    found: dict[str, tuple[ProfilerRule, RuleState]] = {}
    inner = [pair for rule, _ in judged if isinstance(rule, RulesInside) for pair in rule.judged]
    outer = [(rule, state) for rule, state in judged if not isinstance(rule, RulesInside)]
    for rule, state in [*outer, *inner]:
        found.setdefault(state.configuration.name, (rule, state))
    return list(found.values())


def attempt(what: str, make: Callable[[], _MadeT], instead: _MadeT, gaps: list[str]) -> _MadeT:
    """What `make` makes; when that fails, `instead`, and a sentence more in `gaps`."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001  (a page with a hole is better than none)
        _log.warning("%s could not be made.", what, exc_info=error)
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        gaps.append(f"{what}: missing, since it could not be made ({cause}).")
        return instead


def ends_s(table: Table) -> Floats:
    """When each step ended [N]."""
    ends: Floats = table.at_s + np.nan_to_num(table[names.TOOK]) / 1000
    return ends


def moment(wall_s: float) -> str:
    """A time of day as people write it, in UTC; empty where it is not known."""
    if not 0 < wall_s < _LAST_S:
        return ""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
