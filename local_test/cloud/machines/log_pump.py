"""From the file that an instance writes its output to, to CloudWatch Logs."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from local_test.cloud.logs import Logs
from local_test.cloud.machines.log_lines import LogLines

_CHUNK_BYTES = 1 << 20
_EVERY_S = 0.2

OnLine = Callable[[float, str], None]
"""Is given each line with its time in seconds since 1970."""


def _ignore(_at_s: float, _line: str) -> None:
    return


class LogPump:
    """Puts what is added to the file at `path` into one stream.

    How far it came stands in a file beside it, so that a later process goes on from there; a line
    may come twice when the former was killed in between, none is lost.

    `pump` is called over and over by whoever has a loop; others `start` a thread and `stop` it.
    """

    def __init__(
        self, logs: Logs, group: str, stream: str, path: Path, on_line: OnLine = _ignore
    ) -> None:
        self._logs = logs
        self._place = (group, stream)
        self._path = path
        self._on_line = on_line
        self._note = path.with_name(f".{path.name}.read")
        self._at = _read_number(self._note)
        self._lines = LogLines()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def pump(self) -> int:
        """Pass on what is new; how many lines that were."""
        try:
            with self._path.open("rb") as file:
                return self._pump(file.fileno())
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Pass on all that is there, the last line too if it has no end."""
        self.pump()
        self._put(self._lines.end())

    def start(self) -> None:
        """Pump in a thread of its own until `stop`."""
        self._thread = threading.Thread(target=self._follow, name=f"log {self._path}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close; all that was written before is passed on."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        self.close()

    def _follow(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            self.pump()

    def _pump(self, file: int) -> int:
        count = 0
        while content := os.pread(file, _CHUNK_BYTES, self._at):
            self._at += len(content)
            count += self._put(self._lines.feed(content, time.monotonic()))
        return count

    def _put(self, lines: list[str]) -> int:
        at_s = time.time()
        if lines:
            self._logs.put(*self._place, [(int(at_s * 1000), line) for line in lines])
            self._note.write_text(str(self._at - self._lines.held_bytes))
        for line in lines:
            self._on_line(at_s, line)
        return len(lines)


def _read_number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
