from typing import Any

import numpy as np
import pytest

from imageclf.profiler.recorded import Table
from imageclf.profiler.rules.ranks import SlowRank
from tests.profiler.rules.runs import findings, run, steps

COUNT = 60


def _rank(**phases: float) -> Table:
    """Steps of 100 ms, with some noise in what a rank does alone."""
    noise = np.random.default_rng(len(str(phases))).normal(0, 1, COUNT)
    usual = {"data": 5, "forward": 30, "backward": 60, "optimiser": 3}
    given: dict[str, Any] = {name: one + noise for name, one in {**usual, **phases}.items()}
    return steps(100, COUNT, **given)


@pytest.mark.parametrize("slow", [0, 1, 3])
def test_the_rank_that_computes_longer_is_named_and_not_those_that_wait_for_it(slow: int) -> None:
    ranks = {f"algo-1-{rank}": _rank(forward=20, backward=70) for rank in range(4)}
    ranks[f"algo-1-{slow}"] = _rank(forward=50, backward=40)
    (finding,) = findings(SlowRank(), run(ranks))
    assert finding.worker == f"algo-1-{slow}"
    assert finding.value == pytest.approx(30, abs=2)
    assert finding.details["phase"] == "forward"


def test_the_first_process_is_named_when_it_waits_for_pictures_and_the_others_in_forward() -> None:
    ranks = {"algo-1-0": _rank(data=40), "algo-1-1": _rank(data=5, forward=65)}
    (finding,) = findings(SlowRank(), run(ranks))
    assert (finding.worker, finding.details["phase"]) == ("algo-1-0", "data")


def test_processes_that_are_alike_are_well() -> None:
    ranks = {f"algo-1-{rank}": _rank(forward=30 + rank) for rank in range(4)}
    assert findings(SlowRank(), run(ranks)) == []


def test_a_process_that_died_is_compared_over_the_steps_that_it_took() -> None:
    slow, well = _rank(forward=60), _rank()
    ranks = {"algo-1-0": well, "algo-1-1": slow.where(slow["step"] < 40)}
    (finding,) = findings(SlowRank(), run(ranks))
    assert (finding.worker, finding.step) == ("algo-1-1", 39)


def test_a_gpu_tells_its_own_time_since_the_host_only_asks() -> None:
    def rank(device_ms: float) -> Table:
        return steps(100, COUNT, data=5, forward=2, backward=90, forward_device_ms=device_ms)

    ranks = {"algo-1-0": rank(30), "algo-1-1": rank(60)}
    (finding,) = findings(SlowRank(), run(ranks, facts={"device": "cuda"}))
    assert finding.worker == "algo-1-1"


def test_one_process_has_nobody_to_wait_for_it() -> None:
    rule = SlowRank()
    assert findings(rule, run(_rank())) == []
    assert rule.looked == 0
    assert rule.missing() == "One process trained: not evaluated."
