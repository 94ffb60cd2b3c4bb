import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.profiler.advice.advise import advise
from imageclf.profiler.kernels import Kernels, Launches, TracedWindow
from imageclf.profiler.run import Profile
from tests.profiler.advice.runs import (
    FACTS,
    MACHINE,
    PHASES,
    STEPS,
    WORKER,
    Run,
    changes,
    shares,
)
from tests.profiler.made import Made


def test_losses_are_the_measured_shares_of_step_and_run(run: Run) -> None:
    lost = shares(run())

    assert lost["data"] == pytest.approx(0.2)
    assert lost["copies"] == pytest.approx(0.01)
    assert lost["launches"] == pytest.approx(200 * 50e-3 / 100)
    assert lost["memory"] == pytest.approx(0.2e9 / 20e9 * 1e3 / 100)
    assert lost["evaluation"] == pytest.approx(1.5 / 24)
    assert lost["checkpoints"] == pytest.approx(0.5 / 24)
    assert lost["initialisation"] == pytest.approx(10 / 24)


def test_losses_begin_with_the_largest_and_each_is_told_in_a_sentence(run: Run) -> None:
    losses = run().losses

    assert [one.share for one in losses] == sorted((one.share for one in losses), reverse=True)
    assert all(one.said.endswith(".") for one in losses)


def test_the_roofline_follows_from_peaks_operations_and_bytes(run: Run) -> None:
    roofline = run().roofline

    assert roofline is not None
    assert roofline.limit_ms == pytest.approx(20)  # both 4 GFLOP at 200, and 0.4 GB at 20
    assert roofline.achieved_gflops == pytest.approx(40)
    assert "20\N{NO-BREAK SPACE}% of the peak" in roofline.said


def test_peaks_that_a_step_goes_beyond_are_not_believed(run: Run) -> None:
    roofline = run(machine={**MACHINE, "peak_gflops": {"fp32": 20.0}}).roofline

    assert roofline is not None
    assert "the machine had other work when its peaks were measured" in roofline.said


@pytest.mark.parametrize(
    ("steps", "machine", "bound"),
    [
        ({"took_ms": 200, "data_ms": 120}, {}, "data"),
        ({}, {"operator_us": 400.0}, "launches"),
        ({}, {"bandwidth_gb_s": 5.0}, "memory"),
        ({}, {}, "arithmetic"),
    ],
)
def test_what_bounds_the_step_is_told(
    run: Run, steps: dict[str, Any], machine: dict[str, Any], bound: str
) -> None:
    roofline = run(steps=steps, machine={**MACHINE, **machine}).roofline

    assert roofline is not None
    assert roofline.bound_by == bound


def test_bf16_makes_the_arithmetic_faster_and_leaves_the_rest(run: Run) -> None:
    (bf16,) = changes(run(), "precision=bf16")

    # 40 ms of arithmetic become 10, 10 ms of memory 5; 50 ms stay.
    assert bf16.step_ms == pytest.approx(65)
    assert bf16.pays


def test_bf16_is_predicted_by_passes_of_the_network_where_they_were_tried(run: Run) -> None:
    tried = {"passes_ms": {"fp32": {"2": 30.0, "8": 60.0}, "bf16": {"8": 24.0}}}

    (bf16,) = changes(run(machine={**MACHINE, **tried}), "precision=bf16")

    assert bf16.step_ms == pytest.approx(100 - 74 * 0.6)  # 74 ms of passes


def test_a_batch_is_predicted_by_passes_of_the_network_where_they_were_tried(run: Run) -> None:
    tried = {"passes_ms": {"fp32": {"2": 30.0, "8": 60.0}}}  # 20 and 5 for each picture

    advised = run(machine={**MACHINE, **tried})

    twice = next(one for one in advised.predictions if one.change == "batch-size=32")
    growing = 74 * 80 / 100
    assert twice.step_ms == pytest.approx(80 - growing + 2 * growing + 2 * 20)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_narrow_arithmetic_is_not_advised_to_who_has_it(run: Run, precision: str) -> None:
    rates = {"layer_gflops": {precision: 100.0, "bf16": 400.0}}

    advised = run(facts={"precision": precision}, machine={**MACHINE, **rates})

    assert not changes(advised, "precision")


def test_bf16_that_this_machine_emulates_is_not_advised(run: Run) -> None:
    slow = {**MACHINE, "layer_gflops": {"fp32": 100.0, "bf16": 30.0}}

    (bf16,) = changes(run(machine=slow), "precision=bf16")

    assert bf16.saved_share < 0
    assert not bf16.pays


def test_a_batch_costs_its_fixed_part_once(run: Run) -> None:
    twice = next(one for one in run().predictions if one.change == "batch-size=32")

    # 10 ms of calls and 4 of the optimiser stay; 66 ms of computing and 20 of reading double.
    assert twice.step_ms == pytest.approx(14 + 2 * 66 + 2 * 20)


def test_steps_of_several_sizes_tell_better_what_a_batch_costs(run: Run) -> None:
    images = np.where(np.arange(STEPS) % 10 == 9, 4, 16)
    took = 20 + 40 + 1.25 * images  # 40 ms whatever the batch

    advised = run(steps={"images": images, "took_ms": took, "data_ms": 20})

    twice = next(one for one in advised.predictions if one.change == "batch-size=32")
    assert twice.step_ms == pytest.approx(40 + 1.25 * 32 + 2 * 20, rel=0.02)


def test_a_batch_that_does_not_fit_into_memory_is_left_out(run: Run) -> None:
    full = {"memory": 60, "memory_mib": 6000, "own_memory_mib": 2000}

    found = {one.change for one in changes(run(system=full), "batch-size")}

    assert found == {"batch-size=8", "batch-size=32"}  # 4 x 2000 MiB are more than is left


def test_workers_share_the_cores_with_a_model_that_needs_all_of_them(run: Run) -> None:
    advised = run(reads={"took_ms": 20, "fetch_ms": 0, "decode_ms": 80}, system={"own_cpu": 360})

    readers = changes(advised, "workers")

    assert readers
    assert not any(one.pays for one in readers)


def test_workers_beside_a_model_on_all_cores_save_the_waiting_for_files(run: Run) -> None:
    advised = run(reads={"took_ms": 20, "fetch_ms": 60, "decode_ms": 20}, system={"own_cpu": 330})

    two = next(one for one in advised.predictions if one.change == "workers=2")

    assert two.step_ms == pytest.approx(100 - 60 / 4)


def test_a_price_gives_costs_for_the_whole_run_and_an_other_one_can_be_given(run: Run) -> None:
    assert run().facts["run_cost"] is None

    known = run(facts={"dollars_an_hour": 3.6})
    assert known.facts["run_cost"] == pytest.approx(0.024)
    other = run(facts={"dollars_an_hour": 3.6}, price=7.2)
    assert other.facts["run_cost"] == pytest.approx(0.048)
    (bf16,) = changes(other, "precision=bf16")
    assert bf16.run_cost == pytest.approx(0.048 - 100 * 0.035 * 0.002)


def test_predictions_begin_with_what_saves_most_and_state_their_model(run: Run) -> None:
    found = run(reads={"took_ms": 20, "fetch_ms": 8, "decode_ms": 72}).predictions

    saved = [one.saved_share for one in found]
    assert saved == sorted(saved, reverse=True)
    assert all(one.basis.endswith(".") and one.said.endswith(".") for one in found)
    assert all(one.saved_share >= 0.03 for one in found if one.pays)


def test_launch_gaps_come_from_the_kernels_where_they_were_seen(run: Run) -> None:
    window = TracedWindow(WORKER, 12, 6, 600.0, Path("trace"))
    seen = Kernels(windows=(window,), launches=Launches(100, 1.0, 250.0, 0.42, 200.0, 0.33))

    assert shares(run(kernels=seen))["launches"] == pytest.approx(0.33)


def test_a_gpu_that_waits_for_launches_takes_a_larger_batch_for_free(run: Run) -> None:
    launching = {
        "facts": {"device": "cuda", "gpu": 0, "workers": 4},
        "steps": {"data_ms": 0, "took_ms": 100},
        "system": {"own_cpu": 150},
        "machine": {**MACHINE, "operator_us": 500.0, "layer_gflops": {"fp32": 400.0}},
    }
    advised = run(**launching)

    assert shares(advised)["launches"] == pytest.approx(0.8)  # 10 ms arithmetic, 10 memory
    twice = next(one for one in advised.predictions if one.change == "batch-size=32")
    assert twice.step_ms == pytest.approx(100)
    assert twice.saved_share == pytest.approx(5 / 12, rel=0.01)


def test_a_run_without_a_measured_machine_says_what_is_missing(run: Run) -> None:
    advised = run(machine={})

    assert advised.roofline is None
    assert not changes(advised, "precision")
    assert any("machine was not measured" in gap for gap in advised.gaps)


def test_faults_of_the_measurement_are_passed_on(run: Run) -> None:
    advised = run(machine={**MACHINE, "faults": ["The speed of bf16 was not measured."]})

    assert "The speed of bf16 was not measured." in advised.gaps


@pytest.mark.parametrize("odd", ["text", None, -1, [], {"a": 1}, True, 1e400, float("nan")])
def test_odd_figures_in_the_files_leave_gaps_and_nothing_worse(run: Run, odd: Any) -> None:
    machine = dict.fromkeys(MACHINE, odd) | {"step": odd}
    facts = dict.fromkeys(FACTS, odd)

    advised = run(machine=machine, facts=facts)

    assert advised.facts["step_ms"] == pytest.approx(100)
    assert json.dumps(asdict(advised), allow_nan=False)


@pytest.mark.parametrize(
    "passes",
    [
        {"fp32": {"9" * 5000: 1.0, "2": 1.0}},
        {"fp32": {"2": "text", "8": 60.0}, "bf16": {"8": 0}},
        {"fp32": {"x": 1.0}, "bf16": [1]},
        {"fp32": {"2": 60.0, "8": 30.0}},
    ],
)
def test_odd_passes_leave_the_other_sources(run: Run, passes: dict[str, Any]) -> None:
    advised = run(machine={**MACHINE, "passes_ms": passes})

    assert changes(advised, "batch-size=32")
    assert changes(advised, "precision=bf16")[0].step_ms == pytest.approx(65)


def test_the_rate_is_that_of_all_processes(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for rank in range(2):
        made.worker(f"algo-1-{rank}", **FACTS)
        made.steps(f"algo-1-{rank}", np.arange(20) * 0.1, PHASES)
    profile = Profile(tmp_path)
    profile.refresh()

    assert advise(profile).facts["images_per_s"] == pytest.approx(2 * 160)


def test_steps_in_which_something_else_happened_do_not_count(run: Run) -> None:
    took = np.full(STEPS, 100.0)
    took[50] = 60_000

    assert run(steps={"took_ms": took}).facts["step_ms"] == pytest.approx(100)


def test_a_profile_without_steps_gives_no_advice_and_says_so(tmp_path: Path) -> None:
    advised = advise(Profile(tmp_path))

    assert advised.losses == ()
    assert "no advice" in advised.gaps[0]


def test_of_several_processes_the_one_that_waits_longest_is_looked_at(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for rank, data_ms in enumerate((0, 40)):
        made.worker(f"algo-1-{rank}", **FACTS)
        made.steps(f"algo-1-{rank}", np.arange(20) * 0.1, {**PHASES, "data_ms": data_ms})
    profile = Profile(tmp_path)
    profile.refresh()

    assert advise(profile).facts["worker"] == "algo-1-1"
