"""What kept pictures and kept features would save, as predicted."""

import numpy as np
import pytest

from tests.profiler.advice.runs import MACHINE, STEPS, Run, changes


def test_cached_decoding_leaves_raw_pixels_and_their_view(run: Run) -> None:
    advised = run(reads={"took_ms": 20, "fetch_ms": 8, "decode_ms": 72})

    (cached,) = changes(advised, "cached decoding")
    raw_ms = 3 * 256**2 / 20e9 * 1e3
    assert cached.step_ms == pytest.approx(80 + 16 * (raw_ms + 0.5) / 4, rel=1e-3)
    assert cached.pays


def test_cached_features_are_for_frozen_backbones_only(run: Run) -> None:
    assert not changes(run(), "cached features")

    (cached,) = changes(run(facts={"train": "head"}), "cached features")

    # The first of two epochs is as it was, the second without reading, copies and backbone.
    assert cached.step_ms == pytest.approx((100 + 80 - 1 - 26) / 2, rel=0.01)
    assert cached.run_s == pytest.approx(12 - 10 + 5 + 50 * 0.053, rel=0.01)
    assert "later steps take 53" in cached.said


def test_cached_features_save_the_epochs_that_were_run_not_those_that_were_asked_for(
    run: Run,
) -> None:
    stopped_early = {"train": "head", "epochs": 20, "steps_per_epoch": 25}
    (cached,) = changes(run(facts=stopped_early), "cached features")
    assert cached.run_s == pytest.approx(12 - 10 + 2.5 + 75 * 0.053, rel=0.01)

    assert not changes(run(facts={**stopped_early, "steps_per_epoch": STEPS}), "cached features")


def test_cached_features_spare_a_gpu_its_forward_pass_which_its_process_only_starts(
    run: Run,
) -> None:
    # The process waits in its backward pass for what it has started in its forward pass.
    device = {"copy_device_ms": 2, "forward_device_ms": 70}
    machine = {**MACHINE, "step": {**MACHINE["step"], "forward_operators": 180}}
    facts = {"train": "head", "device": "cuda", "gpu": 0}
    (cached,) = changes(run(facts=facts, steps=device, machine=machine), "cached features")
    assert "later steps take 8 ms" in cached.said

    device["forward_device_ms"] = 80
    (cached,) = changes(run(facts=facts, steps=device, machine=machine), "cached features")
    assert "later steps take 1 ms" in cached.said, "20 operators are still called"


def test_a_last_batch_that_is_not_whole_counts_as_the_part_that_it_is(run: Run) -> None:
    images = np.where(np.arange(STEPS) % 2, 4, 16)
    advised = run(facts={"train": "head"}, steps={"images": images})

    (cached,) = changes(advised, "cached features")

    whole_batches = 50 + 50 / 4
    loop_s = 12 - whole_batches / 10 + whole_batches * cached.step_ms / 1e3
    assert cached.run_s == pytest.approx(loop_s)
