"""Real small fine-tunings that are ill in their data or their length, under the standard set."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bench.rules.ailments import HEALTHY, SICK, cases
from imageclf.debugger.analysis import evaluate
from imageclf.debugger.rules.catalogue import make, of
from imageclf.debugger.saved import SavedStep
from imageclf.debugger.tensors.run import Run
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Status

CASES = {case.name: case for case in cases()}
QUICK = [name for name, (_, tuning) in SICK.items() if tuning.kind == "smooth"]
STALLED = of("StalledTrainingRule", threshold="600")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More would only wait for each other: the networks are tiny."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def alarms(states: list[RuleState]) -> set[str]:
    assert not [state.details for state in states if state.status is Status.ERROR]
    return {state.configuration.rule for state in states if state.status is Status.ISSUES}


@pytest.mark.parametrize("name", QUICK)
def test_an_ailment_is_found_by_its_rules(name: str, tmp_path: Path) -> None:
    assert CASES[name].expects <= alarms(CASES[name].judge(tmp_path))


def test_a_healthy_fine_tuning_is_left_alone_by_all_rules(tmp_path: Path) -> None:
    name = next(name for name, tuning in HEALTHY.items() if tuning.kind == "smooth")
    assert alarms(CASES[name].judge(tmp_path)) == set()
    run = Run(tmp_path)
    assert alarms(evaluate(run, [STALLED])) == set()
    steps: list[SavedStep] = list(run.steps())

    halted = [*steps[:20], *(later(one) for one in steps[20:])]
    afterwards, live = judged(halted), judged(halted, wait_before=20)
    assert afterwards.findings == live.findings
    assert [one.step for one in live.findings] == [steps[19].number]


def later(one: SavedStep) -> SavedStep:
    """The same step, had the reading of pictures hung before it."""
    return SavedStep(one.number, one.mode, one.mode_step, one.at_s + 600, one.tensors)


def judged(steps: list[SavedStep], wait_before: int | None = None) -> RuleState:
    """What StalledTrainingRule says, with or without a look while nothing came."""
    engine = Engine([(STALLED, make(STALLED))])
    for place, step in enumerate(steps):
        if place == wait_before:
            engine.wait(step.at_s - 1)
            engine.wait(step.at_s)
        engine.look([step])
    engine.finish()
    return engine.states[0]
