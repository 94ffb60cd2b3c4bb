"""The profile of a job as the platform sees to it: samples of its instances, and where rules look.

On AWS the platform samples the machines of every job. Here the image's own program does it, which
knows its processes; a program that does not is sampled by us, with the same collector. Both would
write the same file, and the collector gives way to one that is there before it.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from imageclf.contract import Tree
from local_test.cloud.machines import environment, marks
from local_test.cloud.operations import Document
from local_test.cloud.training import confined, input_files

COLLECTOR = "imageclf.profiler.collect.system"

END_OF_JOB = "profile_end.json"
"""The file that says that nothing more comes."""

_GROWING = ("spans", "reads", "steps", "system")
_WHOLE = ("workers", "kernels")
_USUAL_INTERVAL_MS = 500
_OWN_WITHIN_S, _FOREIGN_WITHIN_S = 20.0, 1.0
"""So long a program has to begin with a profile of its own: the image's, and any other."""

_PATIENCE_S = 5.0


class Profiling:
    """The profile of one attempt at a job.

    Args:
        trees: of the job's instances; `hosts` are their names.
        folder: of our own, not of the job's.
    """

    def __init__(
        self,
        job: Document,
        trees: Sequence[Tree],
        hosts: Sequence[str],
        folder: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job, self._trees, self._hosts, self._clock = job, trees, hosts, clock
        self._joined = folder if len(trees) > 1 else None
        self._samplers: list[subprocess.Popen[bytes]] = []
        self._began_s = float("inf")
        self._is_foreign = bool(job["AlgorithmSpecification"].get("ContainerEntrypoint"))

    @property
    def folder(self) -> Path:
        """Where the profile of all instances lies."""
        return self._joined or input_files.profile(self._trees[0], self._job)

    def begin(self, job: Document) -> None:
        """The program starts."""
        self._began_s = self._clock()
        self.look(job)

    def look(self, job: Document) -> None:
        """See what is to be done, now that `job` is the job's document."""
        if not input_files.profiled(job):
            self._stop()
        elif not self._samplers and self._is_due() and not self._has_own():
            self._start(job)
        self._join()

    def end(self, *, for_good: bool) -> None:
        """The program has ended; `for_good`: no other attempt goes on with its profile."""
        self._stop()
        path = input_files.profile(self._trees[0], self._job) / END_OF_JOB
        if for_good and confined.is_inside(path, self._trees[0].root):
            with suppress(OSError):  # it is there, or there is no profile, or the disk is full
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        self._join()

    def _is_due(self) -> bool:
        patience_s = _FOREIGN_WITHIN_S if self._is_foreign else _OWN_WITHIN_S
        return self._clock() - self._began_s >= patience_s

    def _has_own(self) -> bool:
        return any(any(_files(tree, self._job, "workers")) for tree in self._trees)

    def _start(self, job: Mapping[str, Any]) -> None:
        interval_ms = job["ProfilerConfig"].get("ProfilingIntervalInMilliseconds")
        for tree, host in zip(self._trees, self._hosts, strict=True):
            folder = input_files.profile(tree, self._job)
            if not confined.is_inside(folder, tree.root):
                continue
            told = {"folder": folder, "host": host, "parent": os.getpid()}
            told |= {"interval-ms": interval_ms or _USUAL_INTERVAL_MS}
            options = [text for name, value in told.items() for text in (f"--{name}", str(value))]
            with suppress(OSError):  # no process can be had: the rules will say what is missing
                self._samplers.append(
                    subprocess.Popen(
                        [sys.executable, "-m", COLLECTOR, *options],
                        cwd=self._trees[0].root.parent,
                        env=_environment(),
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                )

    def _stop(self) -> None:
        """They write what they have."""
        for process in self._samplers:
            process.terminate()
        for process in self._samplers:
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._samplers.clear()

    def _join(self) -> None:
        """Bring the files of all instances into one folder; the end after all others."""
        if self._joined is None:
            return
        for kind in (*_GROWING, *_WHOLE, ""):
            for tree in self._trees:
                for path in _files(tree, self._job, kind):
                    with suppress(OSError):  # the job took it away, or the disk is full
                        _bring(path, self._joined / kind / path.name, grows=kind in _GROWING)


def _bring(path: Path, to: Path, *, grows: bool) -> None:
    """Copy what is new of a file that `grows`, or all of one that is as it is."""
    to.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(number, "rb") as file:  # noqa: PTH123  (a number)
        if not grows:
            if _is_as_new(to, os.fstat(number)):
                return
            part = to.with_name(f".{to.name}.part")
            part.write_bytes(file.read())
            part.replace(to)
            return
        with to.open("ab") as target:
            file.seek(target.tell())
            shutil.copyfileobj(file, target)


def _is_as_new(path: Path, other: os.stat_result) -> bool:
    try:
        mine = path.stat()
    except FileNotFoundError:
        return False
    return mine.st_size == other.st_size and mine.st_mtime_ns >= other.st_mtime_ns


def _files(tree: Tree, job: Mapping[str, Any], kind: str) -> Iterator[Path]:
    """Files of a profile that lie where they should; a job may have put links there."""
    folder = input_files.profile(tree, job) / kind
    if not confined.is_inside(folder, tree.root):
        return
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return
    for one in found:
        if not one.name.startswith(".") and not one.is_symlink() and one.is_file():
            yield one


def _environment() -> dict[str, str]:
    owner = {marks.OWNER: os.environ[marks.OWNER]} if marks.OWNER in os.environ else {}
    return {**environment.inherited(), "OMP_NUM_THREADS": "1", **owner}
