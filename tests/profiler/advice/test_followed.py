"""Advice is followed, and what was predicted is held against what then happens."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imageclf.profiler.advice.advise import advise
from imageclf.profiler.advice.values import Advised, Prediction
from imageclf.profiler.run import Profile
from tests.profiler.advice.sleeping import Costs, train

TOLERANCE = 0.35
"""Sleeps of 20 to 80 ms are off by some milliseconds on a busy machine."""

ATTEMPTS = 3
"""A machine that was busy with something else for a moment gets another chance."""

SLOW_READING = Costs(reading_s=0.02, step_s=0.04)

BATCHES = [4] * 12


def prediction(advised: Advised, change: str) -> Prediction:
    return next(one for one in advised.predictions if one.change == change)


def step_ms(profile: Profile) -> float:
    return float(advise(profile).facts["step_ms"])


def assert_comes_true(predicted_ms: float, follow: Callable[[Path], Profile], folder: Path) -> None:
    seen = []
    for attempt in range(ATTEMPTS):
        seen.append(step_ms(follow(folder / str(attempt))))
        if seen[-1] == pytest.approx(predicted_ms, rel=TOLERANCE):
            return
    pytest.fail(f"predicted were {predicted_ms:.1f} ms a step, measured {seen}")


@pytest.fixture(scope="module")
def starved(tmp_path_factory: pytest.TempPathFactory) -> Advised:
    """Reads for itself: 80 ms of reading and 40 of computing, one after the other."""
    return advise(train(tmp_path_factory.mktemp("starved"), SLOW_READING, BATCHES))


@pytest.mark.parametrize("workers", [1, 2])
def test_other_workers_take_what_was_predicted(
    starved: Advised, tmp_path: Path, workers: int
) -> None:
    predicted = prediction(starved, f"workers={workers}")

    assert_comes_true(
        predicted.step_ms,
        lambda folder: train(folder, SLOW_READING, BATCHES, workers=workers),
        tmp_path,
    )


def test_the_fewest_workers_that_feed_the_model_are_advised(starved: Advised) -> None:
    advised = [one.change for one in starved.predictions if one.pays]

    assert advised[0] == "workers=2"
    assert not {"workers=1", "workers=4"} & set(advised)


def test_a_run_that_followed_the_advice_on_workers_is_not_advised_the_same(tmp_path: Path) -> None:
    costs = Costs(reading_s=0.01, step_s=0.04)

    again = advise(train(tmp_path, costs, BATCHES, workers=2))

    assert not [one for one in again.predictions if one.pays and "workers" in one.change]


def test_threads_that_read_in_turn_with_the_model_are_told_from_processes(tmp_path: Path) -> None:
    with_threads = advise(train(tmp_path, SLOW_READING, BATCHES, threads=2))

    assert prediction(with_threads, "workers=2").step_ms < 0.75 * with_threads.facts["step_ms"]


def test_a_larger_batch_takes_what_was_predicted(tmp_path: Path) -> None:
    costs = Costs(reading_s=0, step_s=0.02, picture_s=0.005)
    of_two_sizes = advise(train(tmp_path / "small", costs, [4, 4, 2] * 6))
    predicted = prediction(of_two_sizes, "batch-size=8")

    assert [one for one in of_two_sizes.predictions if one.pays and "batch-size" in one.change]
    assert_comes_true(
        predicted.step_ms, lambda folder: train(folder, costs, [8] * 8), tmp_path / "large"
    )


def test_cached_decoding_takes_what_was_predicted(tmp_path: Path) -> None:
    profile = train(tmp_path / "slow", SLOW_READING, BATCHES[:8])
    # Nobody measured this machine, so what is left of reading is not predicted.
    assert not [one for one in advise(profile).predictions if "cached" in one.change]

    (profile.folder / "machine.json").write_text('{"view_ms": 1.0, "bandwidth_gb_s": 10.0}')
    predicted = prediction(advise(profile), "cached decoding")

    cached = Costs(reading_s=0.001, step_s=SLOW_READING.step_s)
    assert_comes_true(
        predicted.step_ms, lambda folder: train(folder, cached, BATCHES), tmp_path / "fast"
    )
