"""Samples the machine beside a training: `python -m imageclf.profiler.collect.system`.

A process of its own, one on each host. It ends on SIGTERM, when the process that started it is
gone, and, quietly, when the disk takes nothing more; Ctrl-C is the training's. It imports no torch.
"""

import argparse
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from imageclf.profiler import names
from imageclf.profiler.collect import traffic
from imageclf.profiler.collect.cgroup import Memory, Throttling
from imageclf.profiler.collect.gpus import Gpus
from imageclf.profiler.collect.meter import Meter
from imageclf.profiler.collect.own import Own
from imageclf.profiler.collect.processors import Cores, Load
from imageclf.profiler.files.blocks import NotWrittenError, Writer, coarse
from imageclf.profiler.files.faults import Faults

BLOCK_S = 2.0
"""So much is written at once; so old is at most what is read while it is written."""

SHORTEST_INTERVAL_MS = 100

_NICENESS = 10


class Samples:
    """Takes a row of figures at each call and writes them now and then.

    Args:
        rows_a_block: so many are written at once; the first is written by itself, so that it is
            known early that there is somebody who samples.
        clock: nanoseconds that only go forward.
    """

    def __init__(
        self,
        writer: Writer,
        meters: Sequence[Meter],
        rows_a_block: int,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._writer, self._meters, self._clock = writer, meters, clock
        self._rows_a_block, self._most = rows_a_block, 1
        self._at_ns: list[int] = []
        self._rows: list[list[float]] = []
        self._before_ns = clock()

    def take(self) -> None:
        """One row, for the time since the last.

        Raises:
            NotWrittenError: the disk did not take what was to be written.
        """
        now_ns = self._clock()
        elapsed_s = (now_ns - self._before_ns) / 1e9
        self._at_ns.append(self._before_ns)
        self._rows.append([one for meter in self._meters for one in meter.read(elapsed_s)])
        self._before_ns = now_ns
        if len(self._rows) >= self._most:
            self.write()

    def write(self) -> None:
        """Write what is left; errors as in `take`."""
        if self._rows:
            self._most = self._rows_a_block
            at_ns, rows, self._at_ns, self._rows = self._at_ns, self._rows, [], []
            self._writer.write(at_ns, coarse(np.asarray(rows)))


def next_beat(begin_ns: int, interval_ns: int, now_ns: int) -> int:
    """When the next sample is due: always a whole number of intervals after the beginning.

    What was missed is left out rather than made up.
    """
    return begin_ns + ((now_ns - begin_ns) // interval_ns + 1) * interval_ns


def main(arguments: Sequence[str] | None = None) -> int:
    """Sample as told; returns the exit code, 0 also for a disk that became full."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    options = _parser().parse_args(arguments)
    os.nice(max(0, _NICENESS - os.nice(0)))
    try:
        if _claim(_path(options)):
            _sample_and_tell(options)
    except OSError as error:
        sys.stderr.write(f"the machine is not sampled: {error}\n")
        return 1
    return 0


def _path(options: argparse.Namespace) -> Path:
    path: Path = options.folder / names.SYSTEM / options.host
    return path


def _sample_and_tell(options: argparse.Namespace) -> None:
    """Sample; that the disk became full is told in a file. Errors as in `_sample`, but for that."""
    faults = Faults(options.folder, f"system-{options.host}")
    try:
        _sample(options, faults)
    except NotWrittenError as error:
        faults.say(
            f"The machine {options.host} was not sampled to the end, because the disk took nothing "
            f"more ({error.strerror}); free space on it."
        )
    finally:
        faults.close()


def _sample(options: argparse.Namespace, faults: Faults) -> None:
    """Sample until the end comes.

    Raises:
        OSError: the file cannot be made, or takes nothing more.
    """
    gpus = Gpus()
    meters: list[Meter] = [
        Cores(),
        Load(),
        Memory(),
        traffic.disks(),
        traffic.networks(),
        Throttling(),
        Own(options.watch or [options.parent]),
        gpus,
    ]
    interval_ms = max(SHORTEST_INTERVAL_MS, options.interval_ms)
    facts = {
        "host": options.host,
        "interval_ms": interval_ms,
        "began_ns": _began_ns(options.parent),
        "gpus": gpus.facts,
    }
    columns = [column for meter in meters for column in meter.columns]
    writer = Writer(_path(options), columns, facts)
    samples = Samples(writer, meters, max(1, round(BLOCK_S * 1000 / interval_ms)))
    for _ in _beats(interval_ms, options.parent):
        samples.take()
        for fault in gpus.faults:
            faults.say(fault)
    samples.write()


def _claim(path: Path) -> bool:
    """Whether nobody else samples this machine into `path`, from now on until this process ends.

    A platform may sample the machines of a training that does so itself.

    Raises:
        OSError: the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")  # readers pass over hidden files
    number = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a disk that has no locks
        return True
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="imageclf.profiler.collect.system")
    parser.add_argument("--folder", type=Path, required=True, help="folder of the profile")
    parser.add_argument("--host", required=True, help="this machine's name in the run")
    parser.add_argument("--interval-ms", type=int, default=500, help="from sample to sample")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="ends when it is gone")
    parser.add_argument("--watch", type=int, nargs="*", help="the training's processes")
    return parser


def _beats(interval_ms: int, parent: int) -> Iterator[None]:
    """One after another until SIGTERM comes or the process `parent` is gone."""
    interval_ns = interval_ms * 1_000_000
    begin_ns = time.monotonic_ns()
    while os.getppid() == parent:
        now_ns = time.monotonic_ns()
        wait_s = (next_beat(begin_ns, interval_ns, now_ns) - now_ns) / 1e9
        if signal.sigtimedwait({signal.SIGTERM}, wait_s) is not None:
            return
        yield


def _began_ns(pid: int) -> int | None:
    """When process `pid` began, by the monotonic clock: see `starttime` in proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        ticks = int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    return time.monotonic_ns() - int(age_s * 1e9)


if __name__ == "__main__":
    sys.exit(main())
