"""The folder of a profile before and after the run: made anew, and marked when all is written."""

import json
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from imageclf import artifact
from imageclf.profiler import names
from imageclf.profiler.files import faults
from imageclf.profiler.files.blocks import clocks

_PARTS = (
    names.SYSTEM,
    names.STEPS,
    names.READS,
    names.SPANS,
    names.WORKERS,
    names.KERNELS,
    faults.FOLDER,
)
_GLANCE_S = 0.02


def prepare(folder: Path, own: bool) -> None:
    """Make room for a new profile.

    Args:
        own: whether the folder belongs to the training alone, so that an earlier profile in it may
            be removed.

    Raises:
        OSError: it cannot be written to, or holds the profile of another run.
    """
    if not own and (folder / names.WORKERS).exists():
        raise OSError(f"{folder} holds the profile of another run")
    for name in _PARTS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (names.MACHINE, names.END_OF_JOB):
        (folder / name).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)


def wait_for(folder: Path, workers: Collection[str], patience_s: float) -> None:
    """Wait until these processes have written all that they had to, at most so long."""
    left, until = set(workers), time.monotonic() + patience_s
    while left:
        left = {worker for worker in left if not _has_ended(folder, worker)}
        if not left or time.monotonic() > until:
            return
        time.sleep(_GLANCE_S)


def end(folder: Path) -> None:
    """Say that nothing more will come.

    Raises:
        OSError: the disk does not take it.
    """
    artifact.write_json(folder / names.END_OF_JOB, clocks())


def _has_ended(folder: Path, worker: str) -> bool:
    try:
        facts = json.loads((folder / names.WORKERS / f"{worker}.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and "ended_ns" in facts
