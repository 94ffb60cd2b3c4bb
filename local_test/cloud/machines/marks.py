"""Marks in the environment of what is started, by which all of its descendants are found.

A process group or a session would lose those that open one of their own, as torchrun's workers do.
"""

import os
from collections.abc import Iterator

import psutil

INSTANCE = "LOCALCLOUD_INSTANCE"
"""Names the instance that a process belongs to, by its folder."""

OWNER = "LOCALCLOUD_OWNER"
"""Names the runner that a process was started by."""


def marked(variable: str, value: str) -> Iterator[psutil.Process]:
    """The processes that have `variable=value` in their environment, this one excepted."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(variable) == value:
                yield process
        except (psutil.Error, OSError):
            continue


def kill(variable: str, value: str) -> int:
    """Kill all that is marked so, those too that are born meanwhile; how many there were."""
    killed = 0
    while found := [one for one in marked(variable, value) if _kill(one)]:
        killed += len(found)
        psutil.wait_procs(found, timeout=1)
    return killed


def _kill(process: psutil.Process) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        process.kill()
    except psutil.Error:
        return False
    return True
