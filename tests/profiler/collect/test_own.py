"""Processor time and memory of a training: real processes, and a /proc that is made up."""

import contextlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from imageclf.profiler.collect.own import RESCAN_S, Own

SPIN = "import sys; print(flush=True)\nwhile True: pass"
HOLD = "import sys, time; held = bytearray(b'x' * (64 << 20)); print(flush=True); time.sleep(60)"


@contextlib.contextmanager
def running(code: str, apart: bool = False) -> Iterator[int]:
    """A Python program that has begun, and its number."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=apart
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_what_children_use_counts_too() -> None:
    with running(SPIN):
        meter = Own([os.getpid()])
        begin_s = time.monotonic()
        time.sleep(0.4)
        used, _ = meter.read(time.monotonic() - begin_s)
    assert used > 5


def test_children_hold_memory_and_those_that_end_no_longer() -> None:
    meter = Own([os.getpid()])
    alone_mib = meter.read(1.0)[1]
    with running(HOLD):
        meter.read(RESCAN_S)
        assert meter.read(1.0)[1] > alone_mib + 60
    assert meter.read(1.0)[1] < alone_mib + 60


def test_a_process_in_a_session_of_its_own_is_no_part_of_the_training() -> None:
    alone_mib = Own([os.getpid()]).read(1.0)[1]
    with running(HOLD, apart=True):
        assert Own([os.getpid()]).read(1.0)[1] < alone_mib + 60


def test_a_process_that_is_gone_is_unknown() -> None:
    with running("print(flush=True)") as pid:
        pass
    meter = Own([pid])
    assert all(math.isnan(one) for one in meter.read(1.0))


def _made(proc: Path, pid: int, ticks: int, children: str = "") -> None:
    folder = proc / str(pid) / "task" / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    fields = ["S", "1", "5", "5", *["0"] * 7, str(ticks), "0", *["0"] * 30]
    (proc / str(pid) / "stat").write_text(f"{pid} (a) b) {' '.join(fields)}\n")
    (proc / str(pid) / "statm").write_text("500 300 44 1 0 9 0\n")
    (folder / "children").write_text(children)


def test_figures_are_in_shares_of_a_core_and_mib(tmp_path: Path) -> None:
    _made(tmp_path, 10, 100, "11 12 ")
    _made(tmp_path, 11, 5)
    meter = Own([10], tmp_path)
    _made(tmp_path, 10, 150, "11 12 ")
    _made(tmp_path, 11, 15)
    second = os.sysconf("SC_CLK_TCK")
    used, size_mib = meter.read(2.0)
    assert used == 100 * 60 / second / 2
    assert size_mib == 2 * 256 * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def test_processes_that_say_they_are_their_own_children_are_counted_once(tmp_path: Path) -> None:
    _made(tmp_path, 10, 100, "10 11 11")
    _made(tmp_path, 11, 100, "10")
    meter = Own([10, 11, 10], tmp_path)
    _made(tmp_path, 10, 200, "10 11 11")
    assert meter.read(1.0)[0] == 100 * 100 / os.sysconf("SC_CLK_TCK")
