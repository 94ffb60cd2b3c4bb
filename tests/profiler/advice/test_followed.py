"""Advice is followed, and what was predicted is held against what then happens."""

from pathlib import Path

import pytest

from bench.profile.advice import mean_step_ms
from imageclf.profiler.advice.advise import advise
from imageclf.profiler.advice.values import Advised, Prediction
from imageclf.profiler.run import Profile
from tests.profiler.advice import head_alone
from tests.profiler.advice.sleeping import Costs, train
from tests.profiler.patience import soon

TOLERANCE = 0.35
"""Sleeps of 20 to 80 ms are off by some milliseconds on a busy machine."""

SLOW_READING = Costs(reading_s=0.02, step_s=0.04)

BATCHES = [4] * 12


def prediction(advised: Advised, change: str) -> Prediction:
    return next(one for one in advised.predictions if one.change == change)


def paying(advised: Advised, about: str) -> list[str]:
    return [one.change for one in advised.predictions if one.pays and about in one.change]


def assert_came_true(predicted: Prediction, followed: Profile) -> None:
    step_ms = advise(followed).facts["step_ms"]
    assert step_ms == pytest.approx(predicted.step_ms, rel=TOLERANCE)


def starved(folder: Path) -> Advised:
    """Reads for itself: 80 ms of reading and 40 of computing, one after the other."""
    return advise(train(folder, SLOW_READING, BATCHES))


def test_the_fewest_workers_that_feed_the_model_are_advised_and_do_as_was_predicted(
    tmp_path: Path,
) -> None:
    def scenario(folder: Path) -> None:
        advised = starved(folder / "starved")
        assert paying(advised, "workers") == ["workers=2"]
        for workers in (1, 2):
            followed = train(folder / str(workers), SLOW_READING, BATCHES, workers=workers)
            assert_came_true(prediction(advised, f"workers={workers}"), followed)

    soon(scenario, tmp_path)


def test_a_run_that_followed_the_advice_on_workers_is_not_advised_the_same(tmp_path: Path) -> None:
    costs = Costs(reading_s=0.01, step_s=0.04)

    def scenario(folder: Path) -> None:
        assert not paying(advise(train(folder, costs, BATCHES, workers=2)), "workers")

    soon(scenario, tmp_path)


def test_threads_that_read_in_turn_with_the_model_are_told_from_processes(tmp_path: Path) -> None:
    def scenario(folder: Path) -> None:
        with_threads = advise(train(folder, SLOW_READING, BATCHES, threads=2))
        with_processes = prediction(with_threads, "workers=2")
        assert with_processes.step_ms < 0.75 * with_threads.facts["step_ms"]

    soon(scenario, tmp_path)


def test_a_larger_batch_takes_what_was_predicted(tmp_path: Path) -> None:
    costs = Costs(reading_s=0, step_s=0.02, picture_s=0.005)

    def scenario(folder: Path) -> None:
        of_two_sizes = advise(train(folder / "small", costs, [4, 4, 2] * 6))
        assert paying(of_two_sizes, "batch-size")
        followed = train(folder / "large", costs, [8] * 8)
        assert_came_true(prediction(of_two_sizes, "batch-size=8"), followed)

    soon(scenario, tmp_path)


def test_cached_decoding_takes_what_was_predicted(tmp_path: Path) -> None:
    cached = Costs(reading_s=0.001, step_s=SLOW_READING.step_s)

    def scenario(folder: Path) -> None:
        profile = train(folder / "slow", SLOW_READING, BATCHES[:8])
        # Nobody measured this machine, so what is left of reading is not predicted.
        assert not [one for one in advise(profile).predictions if "cached" in one.change]
        (profile.folder / "machine.json").write_text('{"view_ms": 1.0, "bandwidth_gb_s": 10.0}')
        predicted = prediction(advise(profile), "cached decoding")
        assert_came_true(predicted, train(folder / "fast", cached, BATCHES))

    soon(scenario, tmp_path)


def test_a_head_that_learns_from_cached_features_takes_what_was_predicted(tmp_path: Path) -> None:
    def scenario(folder: Path) -> None:
        advised = advise(head_alone.train(folder / "pictures", keep_features=False))
        predicted = prediction(advised, "cached features")
        assert predicted.pays
        followed = head_alone.train(folder / "features", keep_features=True)
        assert mean_step_ms(followed) == pytest.approx(predicted.step_ms, rel=TOLERANCE)
        loop_s = advise(followed).facts["run_s"]
        assert loop_s == pytest.approx(predicted.run_s, rel=TOLERANCE)

    soon(scenario, tmp_path)
