"""The processes of a model: a parent that loaded it, and the workers forked from it."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

from imageclf.serving.backend import SERVER


@dataclass(frozen=True)
class Processes:
    """Process ids, oldest worker first; `parent` is None when it is gone."""

    parent: int | None = None
    workers: tuple[int, ...] = ()

    @property
    def all(self) -> tuple[int, ...]:
        return (self.parent, *self.workers) if self.parent else self.workers


def find_parent(key: str) -> int | None:
    """The parent process of the model multi-model-server knows as `key`."""
    for process in _below_supervisor():
        try:
            line = process.cmdline()
            if key in line and "--model-name" in line and _is_below_server(process):
                return process.pid
        except psutil.Error:
            continue
    return None


def look(parent: int | None) -> Processes:
    """The processes below `parent`, and whether it lives."""
    if parent is None or not _alive(parent):
        return Processes()
    try:
        children = psutil.Process(parent).children()
        children.sort(key=psutil.Process.create_time)
    except psutil.Error:
        return Processes()
    return Processes(parent, tuple(child.pid for child in children if _alive(child.pid)))


def end_server(run: Path) -> None:
    """End the multi-model-server of this run folder and all below it."""
    mark = f"-Djava.io.tmpdir={run}"
    for process in psutil.process_iter(["cmdline"]):
        if mark in (process.info["cmdline"] or ()):
            os.killpg(process.pid, signal.SIGKILL)


def alive(pids: tuple[int, ...]) -> tuple[int, ...]:
    """Those of `pids` that still run."""
    return tuple(pid for pid in pids if _alive(pid))


def kill(pids: tuple[int, ...]) -> None:
    """End these processes at once."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def memory_bytes(pids: tuple[int, ...]) -> int:
    """Proportional set size of these processes together."""
    total = 0
    for pid in pids:
        try:
            total += psutil.Process(pid).memory_full_info().pss
        except psutil.Error:
            continue
    return total


def _below_supervisor() -> list[psutil.Process]:
    try:
        return psutil.Process(os.getppid()).children(recursive=True)
    except psutil.Error:
        return []


def _is_below_server(process: psutil.Process) -> bool:
    """Its workers, which are its forks, have the same command line, but are not."""
    above = process.parent()
    return above is not None and SERVER in above.cmdline()


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
