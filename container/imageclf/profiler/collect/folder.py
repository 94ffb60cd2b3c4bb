"""The folder of a profile before and after the run: made anew, and marked when all is written."""

import json
import shutil
import time
from collections.abc import Collection, Mapping
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
    faults.FOLDER,
    names.KERNELS,
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


def wait_for(folder: Path, workers: Collection[str], patience_s: float) -> list[str]:
    """Wait until these processes have written all that they had to; those that have not in time."""
    left, until = set(workers), time.monotonic() + patience_s
    while left := {worker for worker in left if not _has_ended(folder, worker)}:
        if time.monotonic() > until:
            break
        time.sleep(_GLANCE_S)
    return sorted(left)


def end(folder: Path) -> None:
    """Say that nothing more will come.

    Raises:
        OSError: the disk does not take it.
    """
    artifact.write_json(folder / names.END_OF_JOB, clocks())


def packed(folder: Path, most_bytes: int) -> dict[str, bytes]:
    """The files of a host by their places below `folder`, as many as there is room for.

    Tables come before traces, which are large.
    """
    found: dict[str, bytes] = {}
    for part in _PARTS:
        for path in sorted((folder / part).glob("[!.]*")):
            try:
                content = path.read_bytes() if path.stat().st_size <= most_bytes else None
            except OSError:
                continue
            if content is not None and len(content) <= most_bytes:
                most_bytes -= len(content)
                found[f"{part}/{path.name}"] = content
    return found


def unpack(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put the files of another host beside one's own.

    Raises:
        OSError: the disk does not take them.
    """
    for place, content in files.items():
        part, _, name = place.partition("/")
        target = folder / part / Path(name).name
        if part in _PARTS and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _has_ended(folder: Path, worker: str) -> bool:
    try:
        facts = json.loads((folder / names.WORKERS / f"{worker}.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and "ended_ns" in facts
