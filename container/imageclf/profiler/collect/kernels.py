"""Looks closely into a window of training steps: operators, kernels, copies, memory.

torch.profiler records them; the trace goes into the folder of the profile and, in the form that
its plugin reads, into TensorBoard's. Whatever fails ends the window, not the training.

A step in the window costs more than one outside, and writing the trace takes about as long as a
step; the steps of the window are not to be taken for the usual ones. Measured with a ResNet-18,
batches of 8 pictures of 64 pixels, one thread: 3 % more processor time for each step, once 160 ms
for the trace of 6 steps, 0.5 MB.
"""

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch._C._autograd import _profiler_enabled
from torch._C._profiler import _ExperimentalConfig
from torch.profiler import ProfilerActivity, profile, record_function

from imageclf.profiler import names
from imageclf.profiler.collect import trace_file
from imageclf.profiler.files.blocks import clocks
from imageclf.profiler.settings import Window

log = logging.getLogger(__name__)

_FAULTS = (RuntimeError, OSError, MemoryError, AssertionError, ValueError)
"""What torch.profiler and the file system raise; MemoryError and torch's own are among them."""

_QUIET = "6"  # above the highest of Kineto's levels (ILoggerObserver.h)


class NoWindows:
    """No step is looked into. `fault` says in a sentence what went wrong, if anything did."""

    fault = ""

    def step_begins(self, step: int, left: int) -> None:
        """A training step begins, before its batch is there.

        Args:
            left: steps of this epoch, this one among them; what follows is no training.
        """

    def step_ends(self, step: int) -> None:
        """That step is over."""

    def close(self) -> None:
        """No step will come; what was recorded is written."""


def make(
    window: Window | None, folder: Path, worker: str, board: Path | None, is_cuda: bool
) -> NoWindows:
    """What looks into the steps of `window`, counted from the first that this process trains.

    Args:
        folder: of the profile; the traces go into `kernels` below it.
        worker: `HOST-RANK`.
        board: TensorBoard's folder; None for none.
        is_cuda: whether the training runs on a GPU.
    """
    if window is None or window.steps < 1:
        return NoWindows()
    return Windows(window, folder / names.KERNELS, worker, board, is_cuda)


class Windows(NoWindows):
    """One window of steps; `make` says what the arguments mean."""

    def __init__(
        self, window: Window, folder: Path, worker: str, board: Path | None, is_cuda: bool
    ) -> None:
        self.fault = ""
        self._window, self._worker = window, worker
        self._folder, self._board = folder, board
        self._is_cuda = is_cuda
        self._first: int | None = None
        self._done = self._longest = 0
        self._profile: profile | None = None
        self._recording = False
        self._mark: record_function | None = None
        self._over = False

    def step_begins(self, step: int, left: int) -> None:
        if not self._over:
            self._guarded(lambda: self._begin(step, left))

    def step_ends(self, step: int) -> None:
        if self._recording:
            self._guarded(lambda: self._end(step))

    def close(self) -> None:
        if self._over:
            return
        if self._recording and self._done:
            self._guarded(self._finish)
        else:
            self._give_up("The training ended before the steps that were to be looked into.")

    def _begin(self, step: int, left: int) -> None:
        if self._first is None:
            self._first = step + self._window.first_step
        self._longest = max(self._longest, left)
        if self._profile is None and step >= self._first - 1:
            if self._fits(left):
                self._prepare()
            else:
                self._first = step + 2  # the next step may be the one that warms up
        if self._profile is not None and not self._recording and step >= self._first:
            self._first = step
            self._start()
        if self._recording:
            # The name by which TensorBoard's plugin tells steps apart.
            self._mark = record_function(f"ProfilerStep#{step}")
            self._mark.__enter__()

    def _fits(self, left: int) -> bool:
        """Whether warm-up and window end before the epoch does, or no epoch is long enough."""
        return left > min(self._window.steps, self._longest - 1)

    def _end(self, step: int) -> None:
        assert self._first is not None
        self._leave_mark()
        self._done = step - self._first + 1
        if self._done >= self._window.steps:
            self._finish()

    def _prepare(self) -> None:
        """From here to the start the profiler warms up: what it sees is not kept."""
        if _profiler_enabled():
            raise RuntimeError("another profiler is running")
        os.environ.setdefault("KINETO_LOG_LEVEL", _QUIET)
        # Shapes are of use to TensorBoard's views; events made for Python would only cost time.
        self._profile = profile(
            activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if self._is_cuda else [])],
            record_shapes=True,
            profile_memory=True,
            experimental_config=_ExperimentalConfig(trace_only=True),
        )
        self._profile.prepare_trace()

    def _start(self) -> None:
        assert self._profile is not None
        known_before = torch.empty(1)
        self._profile.start_trace()
        self._recording = True
        with _without_stderr():
            # torch warns of the first block freed that it did not see allocated; now is as good.
            del known_before

    def _finish(self) -> None:
        """Stop, and write what was recorded."""
        recorded = self._take()
        assert recorded is not None
        facts = {
            "worker": self._worker,
            "first_step": self._first,
            "steps": self._done,
            "gpu": self._is_cuda,
        }
        recorded.add_metadata_json("imageclf", json.dumps({**facts, **clocks()}))
        recorded.stop_trace()
        self._write(recorded)

    def _take(self) -> profile | None:
        """The profiler, to be stopped by whom it is given to: torch crashes on a second stop."""
        self._leave_mark()
        taken, self._profile = self._profile, None
        self._recording, self._over = False, True
        if taken is not None and not _profiler_enabled():
            raise RuntimeError("somebody else has stopped the profiler")
        return taken

    def _write(self, recorded: profile) -> None:
        target = self._folder / f"{self._worker}-{self._first}{trace_file.SUFFIX}"
        trace_file.write(lambda path: recorded.export_chrome_trace(str(path)), target)
        if self._board is not None:
            host, _, rank = self._worker.rpartition("-")
            name = f"{host}_{rank}.{time.time_ns()}{trace_file.SUFFIX}"
            trace_file.copy(target, self._board / name)

    def _leave_mark(self) -> None:
        mark, self._mark = self._mark, None
        if mark is not None:
            mark.__exit__(None, None, None)

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except _FAULTS as error:
            self._give_up(f"Steps could not be looked into closely: {_reason(error)}.")

    def _give_up(self, fault: str) -> None:
        self.fault, self._over = fault, True
        log.warning("%s", fault)
        with contextlib.suppress(*_FAULTS):
            if self._profile is not None and not self._recording:
                self._start()  # what warms up can only be stopped once it runs
            if (abandoned := self._take()) is not None:
                abandoned.stop_trace()


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = said.strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """What is written to standard error meanwhile, by whatever means, goes nowhere."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
