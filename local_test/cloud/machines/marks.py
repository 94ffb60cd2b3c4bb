"""Marks in the environment of what is started, by which all of its descendants are found.

A process group or a session would lose those that open one of their own, as torchrun's workers do.
"""

import os
import time
from collections.abc import Callable, Iterator

import psutil

INSTANCE = "LOCALCLOUD_INSTANCE"
"""Names the instance that a process belongs to, by its folder."""

OWNER = "LOCALCLOUD_OWNER"
"""Names the runner that a process was started by: the job's key, a colon, and the start."""


_GONE_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.01


def marked(variable: str, is_meant: Callable[[str], bool]) -> Iterator[psutil.Process]:
    """The processes whose `variable` is one that is meant, this one excepted."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and is_meant(process.environ().get(variable, "")):
                yield process
        except (psutil.Error, OSError):
            continue


def kill(variable: str, value: str) -> int:
    """Kill all that is marked so, those too that are born meanwhile; how many there were."""
    return _kill_all(variable, value.__eq__)


def kill_of_job(key: str) -> int:
    """Kill what any runner of this job started, and the runner."""
    return _kill_all(OWNER, lambda owner: owner.rpartition(":")[0] == key)


def _kill_all(variable: str, is_meant: Callable[[str], bool]) -> int:
    # Nothing waits for the processes: the exit code belongs to whoever started them.
    found: set[int] = set()
    deadline_s = time.monotonic() + _GONE_WITHIN_S
    while now := {one.pid for one in marked(variable, is_meant) if _kill(one)}:
        found |= now
        if time.monotonic() > deadline_s:
            break  # the kernel does not let them go
        time.sleep(_LOOK_EVERY_S)
    return len(found)


def _kill(process: psutil.Process) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        process.kill()
    except psutil.Error:
        return False
    return True
