import numpy as np
import pytest

from imageclf.profiler.files.axis import Axis, reading_of

BEGAN_NS = 5 * 10**14
WALL_NS = 18 * 10**17


def header(
    machine: str = "a", after_s: float = 0, wall_s: float | None = None
) -> dict[str, object]:
    """What a file says that was made `after_s` seconds into the run, by a wall clock of its own."""
    wall_s = after_s if wall_s is None else wall_s
    return {
        "machine": machine,
        "monotonic_ns": BEGAN_NS + int(after_s * 1e9),
        "wall_ns": WALL_NS + int(wall_s * 1e9),
    }


def at(axis: Axis, of: dict[str, object], seconds: float) -> float:
    """Where a moment comes to lie that was `seconds` after the run began."""
    return float(axis.seconds(of, BEGAN_NS + int(seconds * 1e9)))


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0, 86400.0 * 400])
def test_a_wall_clock_that_is_set_between_two_files_moves_nothing_and_is_told(
    jump_s: float,
) -> None:
    axis = Axis()
    later = header(after_s=10, wall_s=10 + jump_s)
    axis.learn([header(), later])
    assert at(axis, header(), 12.5) == at(axis, later, 12.5) == 12.5
    (note,) = axis.notes.values()
    assert f"{jump_s:+.0f} s" in note


def test_a_clock_that_is_set_while_the_run_is_watched_is_told_too() -> None:
    axis = Axis()
    axis.learn([header()])
    axis.learn([header(), header(after_s=10, wall_s=3000)])
    assert at(axis, header(), 3) == 3
    assert axis.notes


def test_a_clock_that_is_put_right_by_less_than_two_seconds_is_no_jump() -> None:
    axis = Axis()
    axis.learn([header(), header(after_s=10, wall_s=11.5)])
    assert not axis.notes


def test_two_machines_are_joined_by_their_wall_clocks() -> None:
    axis = Axis()
    other = {"machine": "b", "monotonic_ns": 77 * 10**9, "wall_ns": WALL_NS + 4 * 10**9}
    axis.learn([header(), other])
    assert float(axis.seconds(other, 80 * 10**9)) == 7.0


def test_a_run_begins_when_its_first_program_did() -> None:
    axis = Axis()
    late = {**header(after_s=2), "began_ns": BEGAN_NS + 10**9}
    later = {**header("b", after_s=9), "began_ns": BEGAN_NS + 6 * 10**9}
    axis.learn([late, later])
    assert at(axis, late, 4) == 3
    assert axis.began_wall_ns == WALL_NS + 10**9


def test_what_was_learned_stays() -> None:
    axis = Axis()
    axis.learn([header(after_s=2)])
    before = at(axis, header(), 5)
    axis.learn([{**header(), "began_ns": BEGAN_NS - 10**12}])
    assert at(axis, header(), 5) == before


def test_of_a_machine_without_clocks_no_time_is_known() -> None:
    axis = Axis()
    axis.learn([header(), {"machine": "b"}])
    assert np.isnan(axis.seconds({"machine": "b"}, np.array([1, 2]))).all()


def test_times_that_nobody_can_have_measured_break_nothing() -> None:
    axis = Axis()
    axis.learn([{"machine": "a", "monotonic_ns": 0, "wall_ns": 2**62 - 1}, header("b")])
    assert np.isfinite(axis.seconds({"machine": "b"}, np.array([2**63 - 1, -(2**63)]))).all()


@pytest.mark.parametrize("value", [True, "5", 1.0, None, -1, 2**62])
def test_clocks_that_are_no_nanoseconds_are_none(value: object) -> None:
    assert reading_of({**header(), "wall_ns": value}) is None
