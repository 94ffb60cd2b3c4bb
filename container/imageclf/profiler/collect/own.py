"""What the processes of the training use, with all that they started: processor time and memory.

A process that was started in a session of its own does not count: so are started the sampler and
those that judge the run, which are no part of the training.

Memory is what is resident and not shared with files or other processes' shared memory (`statm`:
resident less shared). A page that a forked process shares with its parent until one of them writes
counts for both; to part them (PSS) the kernel would have to hold up the training.
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from imageclf.profiler import names
from imageclf.profiler.collect.meter import MIB, UNKNOWN, ProcFile

RESCAN_S = 4.0
"""So often it is looked for processes that were started since."""

_MOST_PROCESSES = 400
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_SESSION, _UTIME, _STIME = 3, 11, 12  # of the fields behind the name in /proc/PID/stat, see proc(5)


class _Process:
    """One process, as long as it lives: an open file of a dead one tells nothing any more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stat, self._statm = ProcFile(folder / "stat"), ProcFile(folder / "statm")
        fields = self._fields()
        self.used_ticks = _ticks(fields)
        self.session = fields[_SESSION] if len(fields) > _SESSION else b""

    def read(self) -> tuple[int, int] | None:
        """Ticks since the last call, and bytes; None when it is gone."""
        ticks, pages = _ticks(self._fields()), self._statm.read().split()
        if ticks is None or self.used_ticks is None or len(pages) < 3:
            return None
        spent, self.used_ticks = max(0, ticks - self.used_ticks), ticks
        return spent, max(0, int(pages[1]) - int(pages[2])) * _PAGE

    def close(self) -> None:
        self._stat.close()
        self._statm.close()

    def children(self) -> Iterator[int]:
        """Processes that any of its threads has started."""
        with contextlib.suppress(OSError):
            for task in (self.folder / "task").iterdir():
                with contextlib.suppress(OSError):
                    yield from map(int, (task / "children").read_bytes().split())

    def _fields(self) -> list[bytes]:
        return self._stat.read().rpartition(b")")[2].split()


def _ticks(fields: list[bytes]) -> int | None:
    return int(fields[_UTIME]) + int(fields[_STIME]) if len(fields) > _STIME else None


class Own:
    """Processor time and memory of the processes `pids` and all below them."""

    columns = (names.OWN_CPU, names.OWN_MEMORY_MIB)

    def __init__(self, pids: Collection[int], proc: Path = Path("/proc")) -> None:
        self._roots, self._proc = tuple(pids), proc
        self._known: dict[int, _Process] = {}
        self._since_scan_s = 0.0
        self._scan()

    def read(self, elapsed_s: float) -> list[float]:
        """Per cent of one core, and MiB."""
        figures = {pid: process.read() for pid, process in self._known.items()}
        for pid in [pid for pid, figure in figures.items() if figure is None]:
            self._known.pop(pid).close()
        self._since_scan_s += elapsed_s
        if self._since_scan_s >= RESCAN_S:
            self._scan()
        there = [figure for figure in figures.values() if figure is not None]
        if not there or elapsed_s <= 0:
            return [UNKNOWN, UNKNOWN]
        ticks, sizes = (sum(each) for each in zip(*there, strict=True))
        return [100 * ticks / _TICKS_A_SECOND / elapsed_s, sizes / MIB]

    def _scan(self) -> None:
        self._since_scan_s = 0.0
        waiting: list[tuple[int, bytes]] = [(pid, b"") for pid in self._roots]
        seen: set[int] = set()
        while waiting and len(seen) < _MOST_PROCESSES:
            pid, session = waiting.pop()
            if pid in seen:
                continue
            seen.add(pid)
            process = self._known.get(pid) or _Process(self._proc / str(pid))
            if process.used_ticks is None or session not in {b"", process.session}:
                process.close()
                continue
            self._known[pid] = process
            waiting += [(child, process.session) for child in process.children()]
