"""The profiler of one training: what measures it, the process that judges, and what it said.

It measures from the start of the program until the artifact is written; the report is made after
that, so that it shows the work after the last step too. Nothing that fails here harms the training:
it is told in a line of the log, and the report says what is missing. No process waits for another
one without a limit.
"""

import logging
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from torch import nn

from imageclf.contract import Resources, Tree
from imageclf.profiler import delivery, live, names
from imageclf.profiler.collect import folder as profile_folder
from imageclf.profiler.collect import kernels
from imageclf.profiler.collect.board import Board
from imageclf.profiler.collect.clock import NO_CLOCK, Clock, NoClock
from imageclf.profiler.collect.device_time import DeviceTime
from imageclf.profiler.collect.recording import Recording, began_ns
from imageclf.profiler.collect.sampler import Sampler
from imageclf.profiler.collect.scalars import Scalars
from imageclf.profiler.collect.tally import Tally
from imageclf.profiler.settings import ProfileSettings
from imageclf.rules.watching import Asked, Statuses, Watcher
from imageclf.training import probing, profile_facts
from imageclf.training.account import Plan
from imageclf.training.checkpoint import State
from imageclf.training.feed import Feed
from imageclf.training.processes import World
from imageclf.training.stop import StopRequested

log = logging.getLogger(__name__)

PATIENCE_S = 30.0
"""So long the rules and the report have after the training."""

STOPPED_PATIENCE_S = 15.0
"""The same when the platform wants the job to end."""

_OTHERS_PATIENCE_S = 5.0
_MOST_BYTES_OF_A_HOST = 1 << 26


class Profiling:
    """Whether on or off; a context manager: on leaving, nothing of it runs any more.

    Args:
        board: TensorBoard's folder; None for none.
    """

    def __init__(
        self,
        settings: ProfileSettings,
        tree: Tree,
        world: World,
        *,
        is_cuda: bool,
        board: str | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.clock: NoClock = NO_CLOCK
        self._settings, self._tree, self._world = settings, tree, world
        self._is_cuda = is_cuda
        self._board = tree.place(board) if board is not None else None
        self._environment = environment
        self._folder = (
            tree.place(settings.folder) if settings.folder else tree.output / names.FOLDER
        )
        self._host = re.sub(r"[^\w.-]", "_", Resources.from_tree(tree).current_host)[:200]
        self._began_ns = began_ns()
        self._loop_ended_ns: int | None = None
        self._fault = ""
        self._recording: Recording | None = None
        self._scalars: Scalars | None = None
        self._sampler: Sampler | None = None
        self._watcher: Watcher | None = None
        self._windows = kernels.NoWindows()
        self._neighbours: tuple[str, ...] = ()
        self._gaps: list[str] = []
        self._is_ended = self._is_among_hosts = False

    def __enter__(self) -> Self:
        if self._settings.on:
            self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.statuses(PATIENCE_S if error is None else STOPPED_PATIENCE_S)
        except StopRequested:
            # It interrupts once; what it interrupted here goes on where it was.
            self.statuses(STOPPED_PATIENCE_S)
            raise
        if self._watcher is not None:
            delivery.deliver(self._tree.output_data, self._environment)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What is inside is a span."""
        at_ns = time.monotonic_ns()
        try:
            yield
        finally:
            self._span(name, at_ns)

    def begin(self, plan: Plan, network: nn.Module, feed: Feed, state: State) -> None:
        """Say what is trained, measure what the machine can do, let the rules watch.

        All must call it, before the first step and before anything hooks into `network`.
        """
        if not self._settings.on:
            return
        if self._scalars is not None:
            self._scalars.first_step = state.step
        if self._recording is not None:
            self._recording.facts(
                {
                    "host": self._host,
                    "began_ns": self._began_ns,
                    "interval_ms": self._settings.interval_ms,
                    "first_step": state.step,
                    **profile_facts.of(plan, feed, self._world, self._tree, self._environment),
                }
            )
        if self._world.leads:
            with self.part("measuring the machine"):
                gap = self._fault or probing.measure(
                    self._folder, plan, network, self._world, state.epoch
                )
            self._gaps.append(gap)
            self._watch()
        self._world.wait()  # the others would take the machine from what is measured

    @contextmanager
    def loop(self) -> Iterator[None]:
        """Inside, the training loop runs."""
        self._span(names.INITIALISATION, self._began_ns)
        at_ns = time.monotonic_ns()
        try:
            yield
        finally:
            self._loop_ended_ns = time.monotonic_ns()
            self._span(names.TRAINING_LOOP, at_ns)

    def asked_to_stop(self) -> Asked | None:
        """What a rule said when it asked this training to end; known in the first process only."""
        return None if self._watcher is None else self._watcher.asked_to_stop()

    def gather(self) -> None:
        """Bring the profiles of all hosts to the first. All must call it, at the end of all work.

        Only the first goes on measuring, until it calls `end`.
        """
        if not self._is_among_hosts:
            return
        if not self._world.leads:
            self.end()
        mine: dict[str, bytes] = {}
        if self._recording is not None and self._world.local_rank == 0 and not self._world.leads:
            profile_folder.wait_for(self._folder, self._neighbours, _OTHERS_PATIENCE_S)
            mine = profile_folder.packed(self._folder, _MOST_BYTES_OF_A_HOST)
        theirs = self._world.agree(mine)
        if self._world.leads and self._recording is not None:
            self._is_among_hosts = False
            self._unpack(theirs)

    def end(self) -> None:
        """This process has done its work; the first one says so when the others have, too.

        A second call does nothing.
        """
        recording = self._recording
        if recording is None or self._is_ended:
            return
        since_ns, self._loop_ended_ns = self._loop_ended_ns, None
        if since_ns is not None:
            recording.span(names.FINALISATION, since_ns, time.monotonic_ns())
        self.clock.close()
        if self._sampler is not None:
            self._sampler.stop()
            self._gaps.append(self._sampler.fault)
        if self._world.leads:
            self._gaps += self._missing()
        for sentence in (self._windows.fault, *self._gaps):
            recording.tell(sentence)
        recording.close()
        if self._scalars is not None:
            self._scalars.close()
        self._fault = self._fault or recording.fault
        if self._world.leads:
            self._mark_end()
        self._is_ended = True

    def statuses(self, patience_s: float = PATIENCE_S) -> Statuses:
        """How the rules stand at the end; waits for them, at most so long."""
        self.end()
        return [] if self._watcher is None else self._watcher.finish(patience_s, self._fault)

    def _start(self) -> None:
        world = self._world
        everyone = world.agree((self._host, os.getpid()))
        fault = world.once_per_host(self._prepare)
        if fault:
            log.warning("the profiler is off: %s", fault)
            self._fault = f"Nothing was measured: {fault}."
            return
        self._is_among_hosts = len({host for host, _ in everyone}) > 1
        here = [(rank, pid) for rank, (host, pid) in enumerate(everyone) if host == self._host]
        self._neighbours = tuple(f"{self._host}-{rank}" for rank, _ in here if rank != world.rank)
        self._record()
        if world.local_rank == 0:
            pids = [pid for _, pid in here]
            self._sampler = Sampler(self._folder, self._host, self._settings.interval_ms, pids)
            self._sampler.start()
        self._span("program start", self._began_ns)

    def _prepare(self) -> str:
        """Make the folder; why it cannot be used, or nothing."""
        own = self._folder.resolve().is_relative_to(self._tree.output.resolve())
        try:
            profile_folder.prepare(self._folder, own)
        except OSError as error:
            return str(error)
        return ""

    def _record(self) -> None:
        worker, tally = f"{self._host}-{self._world.rank}", None
        board = self._board if self._world.leads else None
        if board is not None:
            tally = Tally()
            samples = self._folder / names.SYSTEM / self._host
            self._scalars = Scalars(Board(board), tally, samples)
        write = self._scalars.write if self._scalars is not None else _nothing
        self._recording = Recording(self._folder, worker, also=write)
        self._windows = kernels.make(
            self._settings.window, self._folder, worker, self._board, is_cuda=self._is_cuda
        )
        self.clock = Clock(
            self._recording, DeviceTime() if self._is_cuda else None, self._windows, tally
        )

    def _span(self, name: str, at_ns: int) -> None:
        if self._recording is not None:
            self._recording.span(name, at_ns, time.monotonic_ns())

    def _missing(self) -> Iterator[str]:
        """What others did not bring, in sentences; waits for the processes of this host."""
        late = profile_folder.wait_for(self._folder, self._neighbours, _OTHERS_PATIENCE_S)
        for worker in late:
            yield f"The process {worker} ended without writing its last rows."
        if self._is_among_hosts:
            yield "The profiles of the other hosts were not brought together."

    def _unpack(self, theirs: Iterable[Mapping[str, bytes]]) -> None:
        try:
            for files in theirs:
                profile_folder.unpack(self._folder, files)
        except OSError as error:
            self._gaps.append(f"The profiles of other hosts found no room: {error.strerror}.")

    def _watch(self) -> None:
        self._watcher = Watcher(
            live.PROGRAM, self._folder, self._tree.output_data, self._settings.rules
        )
        # What an earlier run in this tree left would be taken for this one's.
        shutil.rmtree(self._tree.output_data / names.REPORTS, ignore_errors=True)
        if not self._fault:
            self._watcher.start()

    def _mark_end(self) -> None:
        try:
            profile_folder.end(self._folder)
        except OSError as error:
            self._fault = self._fault or f"The profile has no end: {error.strerror}."


def _nothing() -> None:
    return
