"""What `profile=on` says of runs on GPUs, from profiles on disk, of runs of a minute too."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from imageclf.profiler.recorded import Table
from imageclf.profiler.rules import catalogue, standard
from imageclf.profiler.run import Profile
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Status
from tests.profiler.made import Made
from tests.profiler.rules.gpu_runs import HOST, WORKER, series, trained

START_S = 10.0


def _states(folder: Path, system: Table, seconds: float) -> Sequence[RuleState]:
    """How the rules stand after a run of `seconds`, whose start is a fixed time of idling."""
    made = Made(folder)
    made.worker(WORKER, device="cuda", began_ns=made.began_ns, cores=8, batch_size=64)
    started = system.between(0.0, seconds - START_S)
    made.system(HOST, started.at_s + START_S, started.columns)
    steps = trained(START_S, seconds, 0.25, data=0.02, forward=0.3, backward=0.6)
    made.steps(WORKER, steps.at_s, steps.columns)
    made.end()
    profile = Profile(folder)
    profile.refresh()
    engine = Engine([(each, catalogue.make(each)) for each in standard.configurations()])
    engine.look(profile.fresh())
    engine.finish()
    return engine.states


def _found(states: Sequence[RuleState]) -> set[str]:
    return {state.configuration.rule for state in states if state.status is Status.ISSUES}


@pytest.mark.parametrize("name", ["healthy_a100", "eight_balanced"])
@pytest.mark.parametrize("seconds", [60.0, 300.0], ids=["minute", "five_minutes"])
def test_a_healthy_run_on_gpus_is_quiet(tmp_path: Path, name: str, seconds: float) -> None:
    states = _states(tmp_path, series(name), seconds)
    assert _found(states) == set()
    failed = [state.details for state in states if state.status is Status.ERROR]
    assert failed == []


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("under_used", {"LowGPUUtilization"}),
        ("small_batch", {"LowGPUUtilization", "BatchSize"}),
        ("fluctuating", {"LowGPUUtilization"}),
        ("cpu_bottleneck", {"LowGPUUtilization", "CPUBottleneck"}),
        ("io_bottleneck", {"LowGPUUtilization", "IOBottleneck"}),
        ("eight_unbalanced", {"LowGPUUtilization", "LoadBalancing"}),
        ("memory_grows", {"GPUMemoryIncrease"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "rules",
)
def test_a_disease_of_a_gpu_is_seen_within_two_minutes(
    tmp_path: Path, name: str, rules: set[str]
) -> None:
    assert _found(_states(tmp_path, series(name), 120.0)) == rules


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("one_low", {"LowGPUUtilization", "LoadBalancing"}),
        ("one_pauses", {"LowGPUUtilization", "LoadBalancing"}),
        ("both_pause", {"LowGPUUtilization"}),
        ("teeth_low", {"LowGPUUtilization"}),
        ("memory_settles", set()),
        ("two_stalls", set()),
        ("steady_42", {"LowGPUUtilization", "BatchSize"}),
        ("one_unused", {"LowGPUUtilization", "LoadBalancing"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "rules",
)
def test_shapes_of_published_recordings_are_judged_as_what_they_are(
    tmp_path: Path, name: str, rules: set[str]
) -> None:
    system = series(name)
    assert _found(_states(tmp_path, system, float(system.at_s[-1]) + START_S)) == rules


def test_a_minute_is_enough_for_a_gpu_that_is_used_little(tmp_path: Path) -> None:
    assert "LowGPUUtilization" in _found(_states(tmp_path, series("under_used"), 60.0))


def test_the_standard_rules_are_all_but_the_one_that_runs_them() -> None:
    assert {each.rule for each in standard.configurations()} == {
        name for name in catalogue.RULES if name != "ProfilerReport"
    }
