"""Short trainings with a planted disease: the rule that must speak of it does, and few others.

`bench.profile.planted` says what is planted and how. Two trainings at a time, on a core each.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from bench.profile import planted
from bench.profile.planted import CASES, Case
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Finding, Status

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


@pytest.mark.parametrize("name", SICK)
def test_a_planted_disease_is_named_by_its_rule_and_not_drowned_by_others(
    judged: Judged, name: str
) -> None:
    spoke = planted.named(judged[name].result())
    assert CASES[name].expects <= spoke
    assert spoke <= CASES[name].expects | CASES[name].company


def test_the_healthy_twin_is_quiet_and_was_judged(judged: Judged) -> None:
    states = judged["nothing"].result()
    assert planted.named(states) == set()
    assert not [state.details for state in states if state.status is Status.ERROR]
    looked = {state.configuration.name for state in states if state.looked}
    assert set().union(*(CASES[name].expects for name in SICK)) - {"SlowRank"} <= looked


def test_what_is_advised_has_the_figures_of_the_run(judged: Judged) -> None:
    (starved,) = _findings(judged, "a throttled disk", "LoaderStarvesModel")
    assert "in the files" in starved.advice
    (few,) = _findings(judged, "one worker on many cores", "Dataloader")
    assert "workers=" in few.advice
    (slow,) = _findings(judged, "one process slower than the other", "SlowRank")
    assert (slow.worker, slow.details["phase"]) == ("planted-1", "forward")
    (small,) = _findings(judged, "a batch of 1", "TinyBatch")
    assert small.details["wanted_batch_size"] > 1


def _findings(judged: Judged, name: str, rule: str) -> list[Finding]:
    states = judged[name].result()
    return [one for state in states if state.configuration.name == rule for one in state.findings]
