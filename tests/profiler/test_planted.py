"""Short trainings with a planted disease: the rule that must speak of it does, and few others.

`bench.profile.planted` says what is planted and how. Two trainings at a time, on a core each. On a
machine that others use as well their steps really stall; such a training is done again, alone.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bench.profile import planted
from bench.profile.planted import CASES, Case
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Finding, Status
from tests.profiler.patience import ATTEMPTS

Judged = dict[str, Future[list[RuleState]]]

LEFT_OUT = {
    "one thread on many cores",  # cores are idle only on a machine on which nothing else runs
    "checkpoints that take long",
    "nothing, in two processes",
}
TRAINED = [name for name in CASES if name not in LEFT_OUT]
SICK = [name for name in TRAINED if CASES[name].expects]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """How the rules stand on each training; they are under way when the first test begins."""
    folder = tmp_path_factory.mktemp("planted")

    def train(number: int, case: Case) -> list[RuleState]:
        place = folder / str(number) / "profiler"
        planted.train(replace(case, planted=replace(case.planted, first_core=number % 2)), place)
        return planted.judge(place)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(train, number, CASES[name]) for number, name in enumerate(TRAINED)}


def states_of(judged: Judged, name: str, folder: Path) -> list[RuleState]:
    """How the rules stand; of a training in which others than may speak did, of another one."""
    case, states = CASES[name], judged[name].result()
    for attempt in range(ATTEMPTS - 1):
        spoke = planted.named(states)
        if case.expects <= spoke <= case.expects | case.company:
            break
        place = folder / str(attempt) / "profiler"
        planted.train(case, place)
        states = planted.judge(place)
    return states


@pytest.mark.parametrize("name", SICK)
def test_a_planted_disease_is_named_by_its_rule_and_not_drowned_by_others(
    judged: Judged, name: str, tmp_path: Path
) -> None:
    spoke = planted.named(states_of(judged, name, tmp_path))
    assert CASES[name].expects <= spoke
    assert spoke <= CASES[name].expects | CASES[name].company


def test_the_healthy_twin_is_quiet_and_was_judged(judged: Judged, tmp_path: Path) -> None:
    states = states_of(judged, "nothing", tmp_path)
    assert planted.named(states) == set()
    assert not [state.details for state in states if state.status is Status.ERROR]
    looked = {state.configuration.name for state in states if state.looked}
    assert set().union(*(CASES[name].expects for name in SICK)) - {"SlowRank"} <= looked


def test_what_is_advised_has_the_figures_of_the_run(judged: Judged, tmp_path: Path) -> None:
    def found(name: str, rule: str) -> Finding:
        (one,) = _findings(states_of(judged, name, tmp_path / rule), rule)
        return one

    assert "in the files" in found("a throttled disk", "LoaderStarvesModel").advice
    assert "workers=" in found("one worker on many cores", "Dataloader").advice
    slow = found("one process slower than the other", "SlowRank")
    assert (slow.worker, slow.details["phase"]) == ("planted-1", "forward")
    assert found("a batch of 1", "TinyBatch").details["wanted_batch_size"] > 1


def _findings(states: list[RuleState], rule: str) -> list[Finding]:
    return [one for state in states if state.configuration.name == rule for one in state.findings]
