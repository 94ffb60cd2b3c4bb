"""The process that samples the machine while a training runs: started, ended, asked how it went.

It is in a session of its own, so that a Ctrl-C for the training does not end it. Nothing that it
does, or fails to do, harms the training.
"""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0

MODULE = "imageclf.profiler.collect.system"


class Sampler:
    """Samples this host into the profile `folder`; no method raises.

    Args:
        interval_ms: from one sample to the next.
        pids: the training's processes on this host; what they start counts with them.
    """

    def __init__(self, folder: Path, host: str, interval_ms: int, pids: Collection[int]) -> None:
        self._command = [
            *(sys.executable, "-m", MODULE),
            *("--folder", str(folder), "--host", host),
            *("--interval-ms", str(interval_ms), "--parent", str(os.getpid())),
            *("--watch", *map(str, pids)),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.fault = ""
        """Why the machine was not sampled to the end, one sentence; empty when it was."""

    def start(self) -> None:
        """Start it; a failure is told once, in a line of the log."""
        try:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self._tell(f"The machine is not sampled: {error}.")

    @property
    def pid(self) -> int | None:
        """Number of its process, while there is one."""
        return None if self._process is None else self._process.pid

    @property
    def has_died(self) -> bool:
        """Whether it ended before it was asked to."""
        return self._process is not None and self._process.poll() is not None

    def stop(self) -> None:
        """End it when it has written what it has; a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        code = process.poll()
        if code is None:
            code = self._end(process)
        if code:
            self._tell(f"The sampling of the machine ended with code {code}.")

    def _end(self, process: subprocess.Popen[bytes]) -> int:
        with contextlib.suppress(OSError):
            process.terminate()
        try:
            return process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _tell(self, sentence: str) -> None:
        if not self.fault:
            self.fault = sentence
            log.warning("%s", sentence)
