"""The sampler as a training meets it: a process that is started, that writes, and that ends."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from imageclf.profiler import names
from imageclf.profiler.collect.sampler import Sampler
from imageclf.profiler.collect.system import Samples, next_beat
from imageclf.profiler.files.blocks import Writer, clocks
from imageclf.profiler.files.faults import Faults
from imageclf.profiler.recorded import EMPTY, Table
from imageclf.profiler.run import Profile

DEADLINE_S = 30.0

HOST = "algo-1"


def until(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    end_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < end_s, "it did not come to that in time"
        time.sleep(0.02)


def read(folder: Path) -> Profile:
    profile = Profile(folder)
    profile.refresh()
    return profile


def sampled(folder: Path) -> Table:
    return read(folder).whole().system.get(HOST, EMPTY)


@contextlib.contextmanager
def sampling(folder: Path) -> Iterator[tuple[Sampler, int]]:
    """A sampler that has begun, and the number of its process."""
    sampler = Sampler(folder, HOST, 100, [os.getpid()])
    sampler.start()
    try:
        until((folder / names.SYSTEM / HOST).exists)
        assert sampler.pid is not None
        yield sampler, sampler.pid
    finally:
        sampler.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, fake_nvml: Path) -> Path:
    """A profile of some seconds and more with GPUs, of which one is lost on the way."""
    folder = tmp_path_factory.mktemp("sampled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_LIBRARY_PATH", str(fake_nvml))
        patch.setenv("FAKE_NVML_FAILS_AFTER", "3")
        patch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
        with sampling(folder) as (sampler, pid):
            os.kill(pid, signal.SIGINT)
            until(lambda: len(sampled(folder)) > 4)
            assert not sampler.has_died
        assert not sampler.fault
    return folder


def test_it_samples_the_machine_in_all_columns(folder: Path) -> None:
    table = sampled(folder)
    assert set(names.SYSTEM_COLUMNS) <= set(table.columns)
    assert table.cores == sorted(os.sched_getaffinity(0))
    for column in (names.CPU, names.IO_WAIT, names.MEMORY):
        known = table[column][np.isfinite(table[column])]
        assert len(known) and known.min() >= 0 and known.max() <= 100, column
    assert (table[names.OWN_MEMORY_MIB] > 5).all()
    assert (np.diff(table.at_s) > 0).all()
    assert (table.at_s >= 0).all()


def test_a_gpu_that_is_lost_is_told_and_the_others_go_on(folder: Path) -> None:
    table = sampled(folder)
    assert table.gpus == [0, 1]
    assert np.isfinite(table["gpu0_utilization"]).tolist()[:4] == [True, True, True, False]
    assert (table["gpu1_utilization"] == 10).all()
    (note,) = read(folder).notes
    assert note.startswith("GPU 0 has told nothing more")


def test_what_the_gpus_are_is_said_once(folder: Path) -> None:
    host = read(folder).hosts[HOST]
    assert host["interval_ms"] == 100
    assert [gpu["name"] for gpu in host["gpus"]] == ["Fake H200 no. 1", "Fake H200 no. 0"]


def test_the_run_begins_when_the_program_did_that_is_sampled(folder: Path) -> None:
    began_s = psutil.Process().create_time()
    assert abs(read(folder).began_wall_s - began_s) < 5


def test_what_is_sampled_is_written_when_it_is_ended(tmp_path: Path) -> None:
    with sampling(tmp_path):
        until(lambda: len(sampled(tmp_path)) == 1)
        time.sleep(0.5)
    assert len(sampled(tmp_path)) > 1
    assert not read(tmp_path).notes


def test_a_full_disk_ends_it_quietly_and_is_told(tmp_path: Path) -> None:
    with sampling(tmp_path) as (sampler, pid):
        size = (tmp_path / names.SYSTEM / HOST).stat().st_size
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 40, size + 40))
        until(lambda: sampler.has_died)
    assert not sampler.fault
    (note,) = read(tmp_path).notes
    assert "the disk took nothing more" in note


def test_a_second_sampler_of_a_machine_leaves_all_to_the_first(tmp_path: Path) -> None:
    with sampling(tmp_path):
        before = Faults(tmp_path, f"system-{HOST}")
        before.say("Something is wrong.")
        second = Sampler(tmp_path, HOST, 100, [os.getpid()])
        second.start()
        until(lambda: second.has_died)
        second.stop()
        assert not second.fault
        assert read(tmp_path).notes == ("Something is wrong.",)
    assert len(sampled(tmp_path)) > 0


def test_a_folder_that_cannot_be_made_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sampler = Sampler(tmp_path / "file", HOST, 100, [os.getpid()])
    sampler.start()
    until(lambda: sampler.has_died)
    sampler.stop()
    sampler.stop()
    assert "code 1" in sampler.fault


def test_a_sampler_that_is_killed_leaves_what_it_has_written(tmp_path: Path) -> None:
    with sampling(tmp_path) as (sampler, pid):
        until(lambda: len(sampled(tmp_path)) > 0)
        os.kill(pid, signal.SIGKILL)
        until(lambda: sampler.has_died)
    assert "code -9" in sampler.fault
    assert len(sampled(tmp_path)) > 0


def test_it_ends_when_the_training_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from imageclf.profiler.collect.sampler import Sampler\n"
        f"sampler = Sampler(Path(sys.argv[1]), {HOST!r}, 100, [os.getpid()])\n"
        "sampler.start()\n"
        "print(sampler.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE
    ) as training:
        assert training.stdout is not None
        pid = int(training.stdout.readline())
        until((tmp_path / names.SYSTEM / HOST).exists)
        training.kill()
    until(lambda: not Path(f"/proc/{pid}").exists() or _state(pid) == "Z")
    assert read(tmp_path).notes == ()


def _state(pid: int) -> str:
    """How the process `pid` stands: Z when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_beats_keep_to_their_times_and_missed_ones_are_left_out() -> None:
    begin_ns, interval_ns = 1_000, 100
    due = [next_beat(begin_ns, interval_ns, now_ns) for now_ns in (1_000, 1_099, 1_100, 1_555)]
    assert due == [1_100, 1_100, 1_200, 1_600]


class FakeMeter:
    """Tells what time it was given."""

    columns = ("elapsed",)

    def read(self, elapsed_s: float) -> list[float]:
        return [elapsed_s]


def test_a_row_tells_of_the_time_since_the_last_and_the_first_is_written_at_once(
    tmp_path: Path,
) -> None:
    now_ns = iter([one * 10**9 for one in (1, 2, 5, 6, 8)])
    path = tmp_path / names.SYSTEM / HOST
    facts = {**clocks(), "monotonic_ns": 10**9, "began_ns": 0}
    writer = Writer(path, FakeMeter.columns, facts)
    samples = Samples(writer, [FakeMeter()], 2, clock=lambda: next(now_ns))
    counts = []
    for _ in range(4):
        samples.take()
        counts.append(len(sampled(tmp_path)))
    samples.write()
    assert counts == [1, 1, 3, 3]
    table = sampled(tmp_path)
    assert table.at_s.tolist() == [1.0, 2.0, 5.0, 6.0]
    assert table["elapsed"].tolist() == [1.0, 3.0, 1.0, 2.0]
