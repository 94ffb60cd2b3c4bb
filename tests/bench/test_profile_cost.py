"""The figures of what the profiler costs."""

import random

import pytest

from bench.profile import __main__ as profile
from bench.profile import cost, cost_table
from bench.profile.cost import Contender


def contender(steps_ms: list[list[float]]) -> Contender:
    made = Contender.__new__(Contender)
    made.steps_ms = steps_ms
    return made


def test_the_same_step_of_the_same_round_is_compared() -> None:
    plain = contender([[102.0] * 4, [100.0] * 4, [202.0] * 4, [200.0] * 4])  # grew slower meanwhile
    profiled = contender([[102.5, 102.5, 102.5, 150.0], [100.5] * 4, [202.5] * 4, [200.5] * 4])
    figures = cost._figures(plain, profiled, processes_share=0.002)
    assert figures["clock_ms"] == 0.5
    assert figures["step_ms"] == 151
    assert figures["share"] == pytest.approx(0.5 / 151 + 0.002)
    assert figures["processes_seen_share"] == pytest.approx(2 / 151)


def test_a_busy_machine_gives_no_verdict() -> None:
    draw = random.Random(0)
    calm, busy = (cost._error_of_median([draw.gauss(1, by) for _ in range(400)]) for by in (1, 50))
    assert calm == pytest.approx(1.2533 / 20, rel=0.2)
    assert busy == pytest.approx(50 * 1.2533 / 20, rel=0.2)
    assert cost_table.verdict({"error_share": 0.02, "share": 0.05}).endswith("too busy")
    assert cost_table.verdict({"error_share": 0.001, "share": 0.05}) == "above the goal of 1%"
    assert cost_table.verdict({"error_share": 0.001, "share": 0.005}) == "within the goal of 1%"


def test_a_bench_that_does_not_exist_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.main(["no-such"]) == 2
    assert "there are cost, planted, advice" in capsys.readouterr().err
