"""Real small trainings that are ill, and healthy ones: what the rules say of each."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from smdebug.pytorch import Hook as SmdebugHook
from smdebug.pytorch import ReductionConfig, SaveConfig
from torch import nn

from bench.rules.case import Case
from bench.rules.diseases import HEALTHY, RULES, SICK, cases
from bench.rules.training import with_values
from imageclf.debugger.analysis import evaluate
from imageclf.debugger.hook.hook import Hook
from imageclf.debugger.names import GRADIENTS, LOSSES, RELU_OUTPUT, WEIGHTS
from imageclf.debugger.rules.catalogue import of
from imageclf.debugger.statistics import ACTIVITY
from imageclf.debugger.tensors.run import Run
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Finding, Status

CASES = {case.name: case for case in cases()}
FOUND_AT = {
    "a learning rate of 10": range(1, 12),
    "ReLUs killed by large steps": range(1, 20),
    "a backbone that is frozen": range(1, 3),
    "a learning rate of 1e-12": range(1, 3),
    "steps that throw the weights away": range(1, 4),
}
"""Steps at which something must be found first; the other diseases are there from the beginning."""


def findings(states: list[RuleState], rule: str) -> list[Finding]:
    return next(state.findings for state in states if state.configuration.rule == rule)


@pytest.mark.parametrize("name", SICK)
def test_a_disease_is_found_by_its_rules_when_it_begins(name: str, tmp_path: Path) -> None:
    states = CASES[name].judge(tmp_path)

    for rule in CASES[name].expects:
        found = findings(states, rule)
        assert found, f"{rule} was quiet"
        assert found[0].step in FOUND_AT.get(name, range(1))
        assert found[0].tensor


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_training_is_left_alone_by_all_rules(name: str, tmp_path: Path) -> None:
    states = CASES[name].judge(tmp_path)

    assert [state.details for state in states if state.status is Status.ISSUES] == []
    assert sum(state.status is Status.NO_ISSUES for state in states) >= len(RULES) - 2


@pytest.mark.parametrize("name", ["the same training with another seed", "the same training again"])
def test_another_run_is_told_from_a_repetition(name: str, tmp_path: Path) -> None:
    (state,) = CASES[name].judge(tmp_path)

    assert state.status is (Status.ISSUES if CASES[name].is_sick else Status.NO_ISSUES)
    assert state.looked > 4


def with_reductions(folder: Path) -> SmdebugHook:
    """smdebug's own hook, which saves some of its reductions and no values."""
    return SmdebugHook(
        out_dir=str(folder),
        save_config=SaveConfig(save_interval=1),
        reduction_config=ReductionConfig(abs_reductions=["mean"], reductions=["variance"]),
        include_collections=[WEIGHTS, GRADIENTS, LOSSES],
    )


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("a learning rate of 10", {"ExplodingTensor"}),
        ("twelve sigmoids one after the other", {"VanishingGradient"}),
        ("a head with weights all over the place", {"TensorVariance"}),
    ],
)
def test_smdebugs_own_reductions_are_enough(name: str, rules: set[str], tmp_path: Path) -> None:
    case = next(case for case in cases(with_reductions) if case.name == name)

    found = {one.configuration.rule for one in case.judge(tmp_path) if one.findings}

    assert rules <= found


def test_features_that_answer_to_few_pictures_are_not_dead(tmp_path: Path) -> None:
    hook = Hook(
        out_dir=tmp_path / "saved",
        save_config=SaveConfig(save_interval=1),
        statistics={RELU_OUTPUT: frozenset({ACTIVITY})},
    )
    network = nn.Sequential(OrderedDict(relu=nn.ReLU()))
    hook.register_module(network)
    features_bf = torch.full((16, 8), -1.0)
    features_bf[10] = 1
    network(features_bf)
    hook.close()

    (state,) = evaluate(Run(tmp_path / "saved"), [of("DeadRelu")])

    assert (state.looked, state.status) == (1, Status.NO_ISSUES)


SAVED_TWICE = [
    "weights that begin at zero",
    "ReLUs killed by large steps",
    "tanhs that their biases have saturated",
    "a backbone that is frozen",
]


@pytest.fixture(scope="module", params=SAVED_TWICE)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[RuleState], list[RuleState]]]:
    """What is found in one training whose values smdebug's hook saved, or our hook statistics."""
    by_values: Case = {case.name: case for case in cases(with_values)}[request.param]
    yield (
        by_values.judge(tmp_path_factory.mktemp("values")),
        CASES[request.param].judge(tmp_path_factory.mktemp("statistics")),
    )


def test_statistics_alone_give_the_findings_that_values_give(
    both: tuple[list[RuleState], list[RuleState]],
) -> None:
    values, statistics = both

    for from_values, from_statistics in zip(values, statistics, strict=True):
        assert from_values.status == from_statistics.status
        assert {(one.step, one.tensor) for one in from_values.findings} == {
            (one.step, one.tensor) for one in from_statistics.findings
        }
