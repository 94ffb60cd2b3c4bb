"""What one process of a training records: rows and spans, written by a thread of their own.

The training only appends to lists; a disk that is slow, full or gone costs it nothing. The first
fault ends the recording: it is told once, and kept for the report.
"""

import errno
import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from imageclf import artifact
from imageclf.profiler import names
from imageclf.profiler.files.blocks import NotWrittenError, Writer, clocks, coarse
from imageclf.profiler.files.faults import Faults

log = logging.getLogger(__name__)

FLUSH_S = 2.0
"""A block is written so often."""

CLOSE_PATIENCE_S = 5.0
"""So long the end of a training waits for a disk that hangs."""

_MOST_WAITING = 200_000
"""Rows that are kept while the disk takes none."""

_Row = tuple[int, tuple[float, ...]]


@dataclass
class _Table:
    path: Path
    columns: Sequence[str]
    exact: int
    """So many columns hold whole numbers; the others are measured."""
    rows: deque[_Row] = field(default_factory=deque)
    writer: Writer | None = None

    def flush(self) -> None:
        """Write what has come; the file is made with its first rows."""
        rows = [self.rows.popleft() for _ in range(len(self.rows))]
        if not rows:
            return
        if self.writer is None:
            self.writer = Writer(self.path, self.columns, {})
        values = np.array([row for _, row in rows], np.float32)
        values[:, self.exact :] = coarse(values[:, self.exact :])
        self.writer.write([at_ns for at_ns, _ in rows], values)


class Recording:
    """The files of the process `worker` (`HOST-RANK`) in the folder of a profile.

    Args:
        flush_s: from one block to the next.
        also: called with each block, in the thread that writes; raises OSError at most.
    """

    def __init__(
        self,
        folder: Path,
        worker: str,
        flush_s: float = FLUSH_S,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        self.folder, self.worker = folder, worker
        self.fault = ""
        """Why recording ended before the training did, one sentence; empty when it did not."""
        self._faults = Faults(folder, worker)
        self._facts: dict[str, Any] = {}
        self._steps = _Table(folder / names.STEPS / worker, names.STEP_COLUMNS, exact=4)
        self._reads = _Table(folder / names.READS / worker, names.READ_COLUMNS, exact=3)
        self._spans: deque[dict[str, Any]] = deque()
        self._span_file: IO[bytes] | None = None
        self._flush_s, self._also = flush_s, also
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write, name="profile", daemon=True)
        self._thread.start()

    def step(self, at_ns: int, row: tuple[float, ...]) -> None:
        """A step that began at `at_ns`, in the columns `STEP_COLUMNS`."""
        self._keep(self._steps.rows, (at_ns, row))

    def read(self, at_ns: int, row: tuple[float, ...]) -> None:
        """A batch that was read from `at_ns` on, in the columns `READ_COLUMNS`."""
        self._keep(self._reads.rows, (at_ns, row))

    def span(self, name: str, at_ns: int, end_ns: int) -> None:
        """Something that took its time once."""
        took_s = round((end_ns - at_ns) / 1e9, 6)
        self._spans.append({"name": name, "at_ns": at_ns, "took_s": took_s})

    def facts(self, facts: Mapping[str, Any]) -> None:
        """Write what is known of this process; more may come with a later call."""
        self._facts |= facts
        path = self.folder / names.WORKERS / f"{self.worker}.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            artifact.write_json(path, {**clocks(), **self._facts, "fault": self.fault})
        except OSError as error:
            self._give_up(error)

    def tell(self, sentence: str) -> None:
        """Let the report say what is missing."""
        self._faults.say(sentence)

    def close(self, patience_s: float = CLOSE_PATIENCE_S) -> None:
        """Write what is left. A second call does nothing."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join(patience_s)
        if self._thread.is_alive():
            self._give_up(OSError("the disk did not take the last rows in time"))
        if self._facts:
            self.facts({"ended_ns": time.monotonic_ns()})
        self._faults.close()

    def _keep(self, rows: deque[_Row], row: _Row) -> None:
        if self.fault:
            return
        if len(rows) >= _MOST_WAITING:
            self._give_up(OSError("the disk takes nothing more"))
            return
        rows.append(row)

    def _write(self) -> None:
        """The thread: a block now and then, and the rest at the end."""
        try:
            while not self._ended.wait(self._flush_s):
                self._flush()
            self._flush()
        except OSError as error:
            self._give_up(error)
        finally:
            for table in (self._steps, self._reads):
                if table.writer is not None:
                    table.writer.close()
            if self._span_file is not None:
                self._span_file.close()

    def _flush(self) -> None:
        self._steps.flush()
        self._reads.flush()
        self._flush_spans()
        self._also()

    def _flush_spans(self) -> None:
        spans = [self._spans.popleft() for _ in range(len(self._spans))]
        if not spans:
            return
        if self._span_file is None:
            path = self.folder / names.SPANS / f"{self.worker}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._span_file = path.open("wb", buffering=0)
        content = "".join(json.dumps(span) + "\n" for span in spans).encode()
        if self._span_file.write(content) < len(content):
            raise NotWrittenError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _give_up(self, error: OSError) -> None:
        if self.fault:
            return
        cause = error.strerror or str(error)
        self.fault = f"Recording of {self.worker} ended before the training did: {cause}."
        log.warning("the profiler records nothing more: %s", cause)
        for rows in (self._steps.rows, self._reads.rows, self._spans):
            rows.clear()
        self._faults.say(self.fault)


def began_ns() -> int:
    """When this process began, on the monotonic clock. Source: proc(5), `starttime`."""
    now_ns = time.monotonic_ns()
    try:
        content = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace")
        ticks = int(content.rpartition(")")[2].split()[19])
        since_boot_ns = ticks * 10**9 // os.sysconf("SC_CLK_TCK")
        age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - since_boot_ns
    except (OSError, ValueError, IndexError):
        return now_ns
    return now_ns - max(0, age_ns)
