import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imageclf.profiler import names
from imageclf.profiler.files.blocks import Writer
from imageclf.profiler.recorded import Stretch
from imageclf.profiler.run import PATIENCE_S, STRETCH_S, Profile
from tests.profiler.made import BEGAN_NS, Made


class Clock:
    """Goes forward when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Written:
    """A table that a test adds rows to."""

    def __init__(self, folder: Path, kind: str, name: str, machine: str = "made") -> None:
        clocks = {"monotonic_ns": BEGAN_NS, "wall_ns": int(1.8e18), "machine": machine}
        self._writer = Writer(folder / kind / name, [names.TOOK], clocks)

    def add(self, *at_s: float) -> None:
        self._writer.write([BEGAN_NS + int(one * 1e9) for one in at_s], np.array([[*at_s]]).T)


def times(stretches: list[Stretch], kind: str, name: str) -> list[float]:
    """The times of a table's rows, in the order in which they were given."""
    return [at_s for one in stretches for at_s in getattr(one, kind)[name].at_s.round(3).tolist()]


def looked(profile: Profile) -> list[Stretch]:
    profile.refresh()
    return profile.fresh()


def read(folder: Path) -> Profile:
    profile = Profile(folder)
    profile.refresh()
    return profile


def test_what_was_written_is_read_on_one_time_axis(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.worker("algo-1-0", device="cpu")
    made.system("algo-1", np.arange(0, 20, 0.5), {names.CPU: np.arange(40)})
    made.steps("algo-1-0", np.arange(1, 20), {names.TOOK: 1000.0})
    made.spans("algo-1-0", [(names.INITIALISATION, 0.0, 1.0)])
    made.end()
    profile = Profile(tmp_path)
    profile.refresh()
    whole = profile.whole()
    assert whole.system["algo-1"].at_s.tolist() == np.arange(0, 20, 0.5).tolist()
    assert whole.train_steps("algo-1-0")[names.TOOK].tolist() == [1000.0] * 19
    assert [span.took_s for span in whole.spans] == [1.0]
    assert profile.ended
    stretches = profile.fresh()
    assert [one.begin_s for one in stretches] == [0.0, STRETCH_S, 2 * STRETCH_S, 3 * STRETCH_S]
    assert sum(len(one.system["algo-1"]) for one in stretches) == 40
    assert not profile.notes


def test_a_stretch_is_given_when_all_have_written_beyond_it_and_only_once(tmp_path: Path) -> None:
    profile = Profile(tmp_path, clock=Clock())
    assert looked(profile) == []
    system = Written(tmp_path, names.SYSTEM, "algo-1")
    steps = Written(tmp_path, names.STEPS, "algo-1-0")
    system.add(0.0, 2.0, 4.0, 6.0, 11.0)
    steps.add(1.0, 4.5)
    assert looked(profile) == []
    steps.add(5.5)
    found = looked(profile)
    assert [one.number for one in found] == [0]
    assert times(found, "steps", "algo-1-0") == [1.0, 4.5]
    assert looked(profile) == []
    steps.add(10.5)
    found = looked(profile)
    assert times(found, "steps", "algo-1-0") == [5.5]
    assert times(found, "system", "algo-1") == [6.0]


def test_the_last_look_takes_what_is_not_complete(tmp_path: Path) -> None:
    Written(tmp_path, names.SYSTEM, "algo-1").add(0.0, 1.0, 7.0)
    profile = read(tmp_path)
    found = [*profile.fresh(), *profile.fresh(everything=True), *profile.fresh(everything=True)]
    assert times(found, "system", "algo-1") == [0.0, 1.0, 7.0]


def test_a_process_that_died_holds_the_others_up_for_a_while_only(tmp_path: Path) -> None:
    clock = Clock()
    profile = Profile(tmp_path, clock=clock)
    dead = Written(tmp_path, names.STEPS, "algo-1-1")
    alive = Written(tmp_path, names.STEPS, "algo-1-0")
    dead.add(0.0, 3.0)
    alive.add(0.0, 3.0, 6.0, 12.0)
    assert looked(profile) == []
    clock.now_s += PATIENCE_S + 1
    alive.add(13.0, 16.0)
    found = looked(profile)
    assert times(found, "steps", "algo-1-0") == [0.0, 3.0, 6.0, 12.0, 13.0]
    alive.add(50.0)
    looked(profile)
    assert any("algo-1-1 recorded no step after 3 s" in note for note in profile.notes)


def test_rows_that_come_late_are_given_with_the_next_stretch(tmp_path: Path) -> None:
    clock = Clock()
    profile = Profile(tmp_path, clock=clock)
    slow = Written(tmp_path, names.STEPS, "algo-1-1")
    quick = Written(tmp_path, names.STEPS, "algo-1-0")
    slow.add(1.0)
    quick.add(1.0, 12.0)
    looked(profile)
    clock.now_s += PATIENCE_S + 1
    quick.add(13.0)
    assert [one.number for one in looked(profile)] == [0]
    slow.add(2.0, 4.0, 17.0)
    quick.add(17.0)
    found = looked(profile)
    assert found[0].begin_s == 10.0
    assert times(found, "steps", "algo-1-1") == [2.0, 4.0]
    assert times(found, "steps", "algo-1-0") == [12.0, 13.0]


def test_rows_that_come_after_all_was_given_are_given_still(tmp_path: Path) -> None:
    late = Written(tmp_path, names.STEPS, "algo-1-1")
    Written(tmp_path, names.STEPS, "algo-1-0").add(1.0, 8.0)
    profile = read(tmp_path)
    profile.fresh(everything=True)
    late.add(1.0, 2.0)
    profile.refresh()
    assert times(profile.fresh(everything=True), "steps", "algo-1-1") == [1.0, 2.0]


def test_in_whatever_portions_it_is_read_every_row_and_span_is_given_once(tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    for attempt in range(8):
        folder = tmp_path / str(attempt)
        clock = Clock()
        profile = Profile(folder, clock=clock)
        made = Made(folder)
        made.worker("algo-1-0")
        tables = {
            (kind, name): Written(folder, kind, name)
            for kind, name in (
                (names.SYSTEM, "algo-1"),
                (names.STEPS, "algo-1-0"),
                (names.READS, "algo-1-0"),
            )
        }
        rows = {of: np.sort(draw.uniform(0, 60, 80)).round(3) for of in tables}
        done = dict.fromkeys(tables, 0)
        spans = [("checkpoint", float(at_s), 1.0) for at_s in range(0, 60, 7)]
        found: list[Stretch] = []
        ended = 0
        while any(done[of] < 80 for of in tables):
            for of, table in tables.items():
                count = int(draw.integers(0, 30))
                if len(part := rows[of][done[of] : done[of] + count]):
                    table.add(*part.tolist())
                    done[of] += len(part)
            ended += int(draw.integers(0, 2))
            made.spans("algo-1-0", spans[:ended])
            clock.now_s += float(draw.choice([1.0, 20.0]))
            found += looked(profile)
        made.spans("algo-1-0", spans)
        made.end()
        profile.refresh()
        found += profile.fresh()
        for (kind, name), expected in rows.items():
            assert sorted(times(found, kind, name)) == expected.tolist()
            whole = getattr(profile.whole(), kind)[name].at_s
            assert whole.round(3).tolist() == expected.tolist()
        assert sorted(span.at_s for one in found for span in one.spans) == [s[1] for s in spans]
        assert [one.number for one in found] == sorted({one.number for one in found})


def test_two_machines_are_joined_by_their_wall_clocks(tmp_path: Path) -> None:
    Made(tmp_path, wall_s=1.8e9).system("algo-1", [0.0, 1.0], {names.CPU: [1, 2]})
    other = Made(tmp_path, wall_s=1.8e9 + 3, began_ns=77)
    other._clocks["machine"] = "another"
    other.system("algo-2", [0.0, 1.0], {names.CPU: [1, 2]})
    system = read(tmp_path).whole().system
    assert system["algo-1"].at_s.tolist() == [0.0, 1.0]
    assert system["algo-2"].at_s.tolist() == [3.0, 4.0]


def test_a_clock_that_was_set_by_the_end_of_the_run_is_told(tmp_path: Path) -> None:
    Written(tmp_path, names.SYSTEM, "algo-1").add(0.0, 2.0)
    end = {"machine": "made", "monotonic_ns": BEGAN_NS + 10**9, "wall_ns": int(1.8e18) - 10**12}
    (tmp_path / names.END_OF_JOB).write_text(json.dumps(end))
    profile = read(tmp_path)
    assert profile.whole().system["algo-1"].at_s.tolist() == [0.0, 2.0]
    assert any("was set by -1001 s" in note for note in profile.notes)


def test_times_outside_of_the_run_are_left_out_and_told(tmp_path: Path) -> None:
    Written(tmp_path, names.SYSTEM, "algo-1").add(0.0, 1e9, 2.0, -2e5)
    profile = read(tmp_path)
    assert profile.whole().system["algo-1"].at_s.tolist() == [0.0, 2.0]
    assert len(profile.stretches()) == 1
    assert any("outside of the run" in note for note in profile.notes)


def test_a_machine_that_was_no_longer_sampled_is_told(tmp_path: Path) -> None:
    made = Made(tmp_path)
    for number, end in enumerate((100, 40)):
        made.worker(f"algo-{number}-{number}")
        made.system(f"algo-{number}", np.arange(0, end), {names.CPU: 1.0})
        made.steps(f"algo-{number}-{number}", np.arange(0, 100), {names.TOOK: 1.0})
    made.end()
    assert read(tmp_path).notes == ("The machine algo-1 was not sampled after 39 s.",)


def test_what_was_not_recorded_at_all_is_told(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.steps("algo-1-0", np.arange(0, 100), {names.TOOK: 1.0})
    made.end()
    assert read(tmp_path).notes == (
        "The machine algo-1 was not sampled.",
        "The facts about the process algo-1-0 are missing.",
    )


def test_a_table_that_ends_in_the_midst_of_a_block_is_told_at_the_end(tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.system("algo-1", np.arange(0, 5000), {names.CPU: 1.0})
    path = tmp_path / names.SYSTEM / "algo-1"
    path.write_bytes(path.read_bytes()[:-10])
    assert not read(tmp_path).notes
    made.end()
    (note,) = read(tmp_path).notes
    assert "system/algo-1" in note
    assert len(read(tmp_path).whole().system["algo-1"]) == 4000


@pytest.mark.parametrize(
    "facts",
    [{}, {"machine": 7}, {"began_ns": 10**40}, {"monotonic_ns": "x"}, {"fault": "It ended."}],
    ids=["empty", "machine", "began", "monotonic", "fault"],
)
def test_facts_that_make_no_sense_cost_nothing_else(tmp_path: Path, facts: dict[str, Any]) -> None:
    made = Made(tmp_path)
    made.system("algo-1", [0.0, 1.0], {names.CPU: 1.0})
    made.spans("algo-1-0", [("checkpoint", 1.0, 1.0)])
    path = tmp_path / names.WORKERS / "algo-1-0.json"
    path.parent.mkdir()
    path.write_text(json.dumps(facts))
    profile = read(tmp_path)
    assert len(profile.whole().system["algo-1"]) == 2
    assert profile.notes == (("It ended.",) if "fault" in facts else ())


def test_links_in_the_folder_lead_nowhere(tmp_path: Path) -> None:
    outside = Made(tmp_path / "outside")
    outside.worker("algo-1-0")
    outside.system("algo-1", [0.0], {names.CPU: 1.0})
    inside = tmp_path / "inside"
    for kind in (names.SYSTEM, names.WORKERS):
        (inside / kind).mkdir(parents=True)
        (inside / kind / "algo-9.json").symlink_to(next((tmp_path / "outside" / kind).iterdir()))
    profile = read(inside)
    assert profile.whole().system == {}
    assert profile.workers == {}
    assert not profile.ended


def test_columns_that_only_look_like_a_gpu_or_a_core_are_none(tmp_path: Path) -> None:
    columns = ["gpux_utilization", "gpu_utilization", "gpu1_utilization", "cpu", "cpu٣", "cpu2"]
    Made(tmp_path).system("algo-1", [0.0], dict.fromkeys(columns, 1.0))
    table = read(tmp_path).whole().system["algo-1"]
    assert (table.gpus, table.cores) == ([1], [2])


def test_nothing_at_all_is_an_empty_profile(tmp_path: Path) -> None:
    profile = read(tmp_path / "absent")
    assert profile.stretches() == profile.fresh(everything=True) == []
    assert len(profile.whole().system) == 0
    assert not profile.notes
