"""A small training, the rules that judge it, and those of them that must find something."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from imageclf.debugger.analysis import evaluate
from imageclf.debugger.tensors.run import Run
from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Status

FOLDER = "FOLDER"
"""Stands in a rule's parameters for the folder that the training saves in."""

Train = Callable[[Path], None]
"""Trains something and saves its tensors in a folder."""


@dataclass(frozen=True)
class Case:
    """One training and what is expected of it.

    Args:
        name: what is done to the training, in a few words.
        train: does it.
        rules: those that judge it.
        expects: names of those that must find something; none when the training is healthy.
            What the other rules say of a sick training is not counted: diseases come in company.
    """

    name: str
    train: Train
    rules: Sequence[RuleConfiguration]
    expects: frozenset[str] = frozenset()

    @property
    def is_sick(self) -> bool:
        """Whether some rule must find something."""
        return bool(self.expects)

    def judge(self, folder: Path) -> list[RuleState]:
        """Train, save below `folder`, and let the rules say what they find."""
        self.train(folder)
        return evaluate(Run(folder), [_placed(rule, folder) for rule in self.rules])


@dataclass
class Count:
    """How one rule did: of sick trainings those it found, of healthy ones those it left alone."""

    sick: int = 0
    found: int = 0
    healthy: int = 0
    quiet: int = 0
    wrong: list[str] = field(default_factory=list)


def count(
    cases: Sequence[Case], told: Callable[[Case], None] = lambda _case: None
) -> dict[str, Count]:
    """Do all cases; the counts by the rules' names."""
    counts: dict[str, Count] = {}
    for case in cases:
        told(case)
        with TemporaryDirectory() as folder:
            for state in case.judge(Path(folder)):
                _add(counts.setdefault(state.configuration.name, Count()), case, state)
    return counts


def _placed(rule: RuleConfiguration, folder: Path) -> RuleConfiguration:
    given = {name: text.replace(FOLDER, str(folder)) for name, text in rule.parameters.items()}
    return replace(rule, parameters=given)


def _add(counted: Count, case: Case, state: RuleState) -> None:
    if not case.is_sick and state.status is not Status.ERROR:
        counted.healthy += 1
        counted.quiet += state.status is Status.NO_ISSUES
    elif state.configuration.name in case.expects:
        counted.sick += 1
        counted.found += state.status is Status.ISSUES
    else:
        return
    right = Status.ISSUES if case.is_sick else Status.NO_ISSUES
    if state.status is not right:
        counted.wrong.append(f"{case.name}: {state.status.value} {state.details}".strip())
