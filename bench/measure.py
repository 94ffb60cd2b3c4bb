"""Runs a program and watches it: what it prints, how long it takes, how much memory it holds."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

_SAMPLE_EVERY_S = 1.0


@dataclass(frozen=True)
class Watched:
    """One finished run; `peak_mib` is the proportional memory of the program and its children."""

    lines: list[str]
    seconds: float
    peak_mib: float


def watch(command: Sequence[str], environment: Mapping[str, str]) -> Watched:
    """Run `command` to its end.

    Raises:
        subprocess.CalledProcessError: it failed; its output is in the error.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    memory = _Memory(process.pid)
    memory.start()
    output, _ = process.communicate()
    memory.stop()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), output)
    return Watched(output.splitlines(), time.monotonic() - began, memory.peak_mib)


def tree_pss_mib(top: psutil.Process) -> float:
    """Proportional memory of a process and of all below it; one that ended meanwhile has none."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for process in [top, *top.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total / 2**20


class _Memory(threading.Thread):
    """Samples the memory of a process and of all below it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_mib = 0.0
        self._top = psutil.Process(pid)
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_EVERY_S):
            self.peak_mib = max(self.peak_mib, tree_pss_mib(self._top))

    def stop(self) -> None:
        self._over.set()
        self.join()
