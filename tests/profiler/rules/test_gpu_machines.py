"""What machines do to series of GPUs: none at all, late, lost, unequal, unknown; and long runs."""

import json

import numpy as np
import numpy.typing as npt
import pytest

from imageclf.profiler.recorded import EMPTY, Table
from imageclf.profiler.rules import catalogue, standard
from imageclf.profiler.rules.base import NO_GPU, ProfilerRule
from imageclf.rules import status
from imageclf.rules.engine import Engine, RuleState
from imageclf.rules.finding import Status
from tests.profiler.rules.gpu_runs import WORKER, findings, run, sampled, trained

NAMES = [name for name in catalogue.RULES if catalogue.make(catalogue.of(name)).needs_gpu]
_WITHOUT = sampled({"cpu": np.full(500, 95.0), "io_wait": np.full(500, 60.0)})

SHORT = {each.rule: each.parameters for each in standard.configurations()}


def _rule(name: str) -> ProfilerRule:
    return catalogue.make(catalogue.of(name, **SHORT[name]))


def _gpus(**utilization: npt.ArrayLike) -> Table:
    columns: dict[str, npt.ArrayLike] = {}
    for gpu, values in utilization.items():
        columns |= {f"{gpu}_utilization": values, f"{gpu}_memory": np.full(np.size(values), 30.0)}
    count = np.size(next(iter(utilization.values())))
    return sampled({"cpu": np.full(count, 95.0), "io_wait": np.full(count, 60.0), **columns})


def _judged(name: str, system: Table, device: str = "cuda") -> RuleState:
    engine = Engine([(catalogue.of(name, **SHORT[name]), _rule(name))])
    engine.look([run(system, workers={WORKER: {"device": device}})])
    engine.finish()
    return engine.states[0]


def test_the_rules_that_need_a_gpu_are_the_documented_ones() -> None:
    assert sorted(NAMES) == [
        "BatchSize",
        "CPUBottleneck",
        "GPUMemoryIncrease",
        "IOBottleneck",
        "LoadBalancing",
        "LowGPUUtilization",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_without_a_gpu_a_rule_neither_fires_nor_passes(name: str) -> None:
    state = _judged(name, _WITHOUT, device="cpu")
    assert (state.status, state.details) == (Status.STOPPED, NO_GPU)
    assert status.as_json(state)["RuleEvaluationStatus"] == "Stopped"


@pytest.mark.parametrize("name", NAMES)
def test_a_training_on_a_gpu_of_which_nothing_was_recorded_is_not_judged(name: str) -> None:
    state = _judged(name, _WITHOUT)
    assert state.status is Status.STOPPED
    assert "No figures of a GPU" in state.details


@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_whose_figures_are_never_known_is_not_judged(name: str) -> None:
    system = _gpus(gpu0=np.full(500, np.nan))
    system.columns["gpu0_memory"][:] = np.nan
    state = _judged(name, system)
    assert state.status is Status.STOPPED
    assert "No figures of a GPU" in state.details


def test_a_machine_that_does_not_tell_of_waiting_for_disks_is_not_blamed_on_its_gpu() -> None:
    system = _gpus(gpu0=np.zeros(500))
    system.columns["io_wait"][:] = np.nan
    state = _judged("IOBottleneck", system)
    assert state.details == "I/O wait was not recorded while the run trained: not evaluated."


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_a_moment_is_not_judged(name: str) -> None:
    state = _judged(name, _gpus(gpu0=np.zeros(10), gpu1=np.full(10, 99.0)))
    assert state.status is Status.STOPPED
    assert "fewer than the rule waits for" in state.details


def test_nothing_recorded_is_no_reason_to_fail() -> None:
    for name in NAMES:
        assert findings(_rule(name), run(_gpus(gpu0=np.zeros(1)), EMPTY)) == []


def test_a_gpu_that_appears_late_is_judged_from_then_on() -> None:
    late = np.where(np.arange(400) < 200, np.nan, 20.0)
    (finding,) = findings(
        _rule("LowGPUUtilization"), run(_gpus(gpu0=np.full(400, 97.0), gpu1=late))
    )
    assert finding.tensor == "GPU 1 of algo-1"
    assert finding.details["at_s"] == (200 + 79) / 2


def test_a_gpu_that_is_lost_is_not_called_idle() -> None:
    lost = np.where(np.arange(400) < 200, 97.0, np.nan)
    assert findings(_rule("LowGPUUtilization"), run(_gpus(gpu0=lost))) == []
    assert findings(_rule("LoadBalancing"), run(_gpus(gpu0=lost, gpu1=np.full(400, 97.0)))) == []


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_a_gpu_that_never_answered_are_json_too(name: str) -> None:
    rule = _rule(name)
    findings(rule, run(_gpus(gpu0=np.full(400, 97.0), gpu1=np.full(400, np.nan))))
    json.dumps(rule.details(), allow_nan=False)


def test_hosts_may_have_different_numbers_of_gpus() -> None:
    busy, half = np.full(400, 97.0), np.full(400, 40.0)
    system = {"algo-1": _gpus(gpu0=busy), "algo-2": _gpus(gpu0=busy, gpu1=half, gpu2=busy)}
    (unequal,) = findings(_rule("LoadBalancing"), run(system))
    assert unequal.tensor == "GPU 1 of algo-2"
    (low,) = findings(_rule("LowGPUUtilization"), run(system))
    assert low.tensor == "GPU 1 of algo-2"


def test_a_host_without_a_gpu_does_not_hinder_the_others() -> None:
    system = {"algo-1": sampled({"cpu": np.zeros(400)}), "algo-2": _gpus(gpu0=np.zeros(400))}
    assert len(findings(_rule("CPUBottleneck"), run(system))) == 1


@pytest.mark.parametrize("name", NAMES)
def test_figures_stay_small_and_are_json_whatever_the_length_of_the_run(name: str) -> None:
    draw = np.random.default_rng(5)
    gpus = {f"gpu{number}": draw.uniform(0, 100, 100_000) for number in range(2)}
    rule = _rule(name)
    findings(rule, run(_gpus(**gpus), trained(0.0, 50_000.0, 1.0)))
    assert len(json.dumps(rule.details(), allow_nan=False)) < 200_000
    assert rule.datapoints == 100_000  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("BatchSize", "cpu", "The use of the CPU was not recorded"),
        ("BatchSize", "gpu0_memory", "The memory of a GPU was not recorded"),
        ("GPUMemoryIncrease", "gpu0_memory", "The memory of a GPU was not recorded"),
        ("LoadBalancing", "gpu0_utilization", "The utilisation of a GPU was not recorded"),
        ("CPUBottleneck", "cpu", "The use of the CPU was not recorded"),
    ],
)
def test_what_was_not_recorded_is_named(name: str, column: str, said: str) -> None:
    system = _gpus(gpu0=np.full(500, 40.0))
    system.columns[column][:] = np.nan
    state = _judged(name, system)
    assert state.status is Status.STOPPED
    assert state.details == f"{said} while the run trained: not evaluated."


def test_all_that_was_not_recorded_is_named() -> None:
    whole = _gpus(gpu0=np.full(500, 40.0))
    state = _judged("BatchSize", sampled({"gpu0_utilization": whole["gpu0_utilization"]}))
    assert "The use of the CPU and the memory of a GPU were not recorded" in state.details
