"""Advice is followed, and what was predicted is held against what then happens."""

from pathlib import Path

import pytest

from imageclf.profiler.advice.advise import advise
from imageclf.profiler.advice.values import Advised, Prediction
from imageclf.profiler.run import Profile
from tests.profiler.advice.sleeping import Costs, train

TOLERANCE = 0.35
"""Sleeps of 20 to 50 ms are off by some milliseconds on a busy machine."""

SLOW_READING = Costs(reading_s=0.01, step_s=0.02)


def prediction(advised: Advised, change: str) -> Prediction:
    return next(one for one in advised.predictions if one.change == change)


def step_ms(profile: Profile) -> float:
    return float(advise(profile).facts["step_ms"])


@pytest.fixture(scope="module")
def starved(tmp_path_factory: pytest.TempPathFactory) -> Advised:
    """Reads for itself: 40 ms of reading and 20 of computing, one after the other."""
    return advise(train(tmp_path_factory.mktemp("starved"), SLOW_READING, [4] * 15))


@pytest.mark.parametrize("workers", [1, 2])
def test_other_workers_take_what_was_predicted(
    starved: Advised, tmp_path: Path, workers: int
) -> None:
    predicted = prediction(starved, f"workers={workers}").step_ms

    followed = step_ms(train(tmp_path, SLOW_READING, [4] * 20, workers=workers))

    assert followed == pytest.approx(predicted, rel=TOLERANCE)


def test_the_fewest_workers_that_feed_the_model_are_advised(starved: Advised) -> None:
    advised = [one.change for one in starved.predictions if one.pays]

    assert advised[0] == "workers=2"
    assert not {"workers=1", "workers=4"} & set(advised)


def test_a_run_that_followed_the_advice_on_workers_is_not_advised_the_same(tmp_path: Path) -> None:
    again = advise(train(tmp_path, SLOW_READING, [4] * 20, workers=2))

    assert not [one for one in again.predictions if one.pays and "workers" in one.change]


def test_threads_that_read_in_turn_with_the_model_are_told_from_processes(tmp_path: Path) -> None:
    with_threads = advise(train(tmp_path, SLOW_READING, [4] * 10, threads=2))

    assert with_threads.facts["step_ms"] == pytest.approx(40, rel=TOLERANCE)
    assert prediction(with_threads, "workers=2").step_ms == pytest.approx(20, rel=TOLERANCE)


def test_a_larger_batch_takes_what_was_predicted(tmp_path: Path) -> None:
    costs = Costs(reading_s=0, step_s=0.02, picture_s=0.005)
    of_two_sizes = advise(train(tmp_path / "small", costs, [4, 4, 2] * 7))
    predicted = prediction(of_two_sizes, "batch-size=8")

    followed = step_ms(train(tmp_path / "large", costs, [8] * 8))

    assert followed == pytest.approx(predicted.step_ms, rel=TOLERANCE)
    assert [one for one in of_two_sizes.predictions if one.pays and "batch-size" in one.change]


def test_cached_decoding_takes_what_was_predicted(starved: Advised, tmp_path: Path) -> None:
    # Nobody measured this machine, so what is left of reading is not predicted.
    assert not [one for one in starved.predictions if one.change == "cached decoding"]

    profile = train(tmp_path / "slow", SLOW_READING, [4] * 10)
    (profile.folder / "machine.json").write_text('{"view_ms": 1.0, "bandwidth_gb_s": 10.0}')
    predicted = prediction(advise(profile), "cached decoding").step_ms
    followed = step_ms(train(tmp_path / "fast", Costs(0.001, SLOW_READING.step_s), [4] * 10))

    assert followed == pytest.approx(predicted, rel=TOLERANCE)
