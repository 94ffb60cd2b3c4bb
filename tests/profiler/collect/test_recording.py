"""What a process records survives whatever the disk does, and harms nobody."""

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from imageclf.profiler import names
from imageclf.profiler.collect.recording import Recording, began_ns
from imageclf.profiler.run import Profile
from tests.profiler.collect.limits import largest_file

WORKER = "host-0"
ROW = tuple(float(number) for number in range(len(names.STEP_COLUMNS)))


def recording(folder: Path) -> Recording:
    made = Recording(folder, WORKER, flush_s=0.02)
    made.facts({"rank": 0, "began_ns": 0})
    return made


def profile(folder: Path) -> Profile:
    made = Profile(folder)
    made.refresh()
    return made


def wait_until_told(made: Recording) -> None:
    until = time.monotonic() + 20
    while not made.fault:
        assert time.monotonic() < until, "nothing was told"
        time.sleep(0.01)


def test_rows_can_be_read_while_more_come(tmp_path: Path) -> None:
    made = recording(tmp_path)
    seen = profile(tmp_path)
    for number in range(3):
        made.step(number * 10**9, ROW)
        until = time.monotonic() + 20
        while len(seen.whole().steps.get(WORKER, ())) <= number:
            assert time.monotonic() < until
            seen.refresh()
    made.close()


def test_closing_writes_what_is_left_and_takes_the_room_for_faults_away(tmp_path: Path) -> None:
    made = Recording(tmp_path, WORKER, flush_s=1000)
    made.facts({"rank": 0, "began_ns": 0})
    made.step(0, ROW)
    made.read(0, ROW[: len(names.READ_COLUMNS)])
    made.span("checkpoint", 5 * 10**9, 6 * 10**9)
    made.close()
    made.close()
    whole = profile(tmp_path).whole()
    assert (len(whole.steps[WORKER]), len(whole.reads[WORKER])) == (1, 1)
    assert [(one.name, one.at_s, one.took_s) for one in whole.spans] == [("checkpoint", 5, 1)]
    assert "ended_ns" in whole.workers[WORKER]
    assert not list((tmp_path / "faults").iterdir())


def test_a_full_disk_ends_the_recording_and_the_report_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = recording(tmp_path)
    rows = np.random.default_rng(0).random((1000, len(ROW))).tolist()
    with largest_file(4096):
        for number, row in enumerate(rows):
            made.step(number * 10**6, tuple(row))
        wait_until_told(made)
    made.step(0, ROW)
    made.close()
    (line,) = [one.getMessage() for one in caplog.records]
    cause = line.removeprefix("the profiler records nothing more: ")
    assert cause in {"No space left on device", "File too large"}
    read = profile(tmp_path)
    assert f"Recording of host-0 ended before the training did: {cause}." in read.notes


def test_a_folder_that_is_taken_away_ends_the_recording_quietly(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    folder.mkdir()
    made = recording(folder)
    (folder / names.STEPS).write_text("in the way")
    made.step(0, ROW)
    wait_until_told(made)
    made.close()
    assert any("ended before the training did" in note for note in profile(folder).notes)


def test_a_disk_that_hangs_keeps_neither_the_training_nor_its_end(tmp_path: Path) -> None:
    hangs, began = threading.Event(), threading.Event()

    def also() -> None:
        began.set()
        hangs.wait()

    made = Recording(tmp_path, WORKER, flush_s=0.01, also=also)
    assert began.wait(20)
    for number in range(200_100):
        made.step(number, ROW)
    assert "the disk takes nothing more" in made.fault
    made.close(patience_s=0.05)
    hangs.set()


def test_a_killed_process_leaves_what_it_had_written(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import os, signal, time
        from pathlib import Path
        from imageclf.profiler.collect.recording import Recording
        made = Recording(Path({str(tmp_path)!r}), {WORKER!r}, flush_s=0.01)
        made.facts({{"rank": 0, "began_ns": 0}})
        for number in range(50):
            made.step(number * 10**9, {ROW!r})
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    code = subprocess.run([sys.executable, "-c", program], check=False).returncode
    assert code == -9
    assert len(profile(tmp_path).whole().steps[WORKER]) == 50


def test_the_facts_of_a_process_are_whole_at_any_time(tmp_path: Path) -> None:
    made = recording(tmp_path)
    made.facts({"batch_size": 8})
    made.close()
    facts = json.loads((tmp_path / names.WORKERS / f"{WORKER}.json").read_text())
    assert (facts["rank"], facts["batch_size"], facts["fault"]) == (0, 8, "")
    assert facts["ended_ns"] > facts["began_ns"]


def test_the_beginning_of_a_process_is_known_though_nobody_noted_it() -> None:
    before_ns = time.monotonic_ns()
    asked = "from imageclf.profiler.collect.recording import began_ns; print(began_ns())"
    said = subprocess.run(
        [sys.executable, "-c", asked], check=True, capture_output=True, text=True
    ).stdout
    tick_ns = 10**9 // os.sysconf("SC_CLK_TCK")
    assert before_ns - 2 * tick_ns <= int(said) < time.monotonic_ns()
    assert began_ns() < before_ns
