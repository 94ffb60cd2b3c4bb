"""The sampler as a training meets it: a process that is started, that writes, and that ends."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from imageclf.profiler import names
from imageclf.profiler.collect.sampler import Sampler
from imageclf.profiler.recorded import EMPTY, Table
from imageclf.profiler.run import Profile

DEADLINE_S = 20.0


def until(is_so: Callable[[], bool]) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < end_s, "it did not come to that in time"
        time.sleep(0.02)


def sampled(folder: Path) -> Table:
    profile = Profile(folder)
    profile.refresh()
    return profile.whole().system.get("algo-1", EMPTY)


def test_it_samples_the_machine_and_writes_the_rest_when_it_is_ended(tmp_path: Path) -> None:
    sampler = Sampler(tmp_path, "algo-1", 100, [os.getpid()])
    sampler.start()
    until(lambda: len(sampled(tmp_path)) > 0)
    sampler.stop()
    table = sampled(tmp_path)
    assert set(names.SYSTEM_COLUMNS) <= set(table.columns)
    assert table.cores == sorted(os.sched_getaffinity(0))
    assert not sampler.fault
    for column in (names.CPU, names.IO_WAIT, names.MEMORY, names.OWN_CPU, names.LOAD):
        assert (table[column] >= 0).all(), column
    assert (table[names.OWN_MEMORY_MIB] > 5).all()
    assert (table.at_s >= 0).all()
