"""The folder of tensors before a training begins: never two runs in one.

A run that goes on from a checkpoint goes on in its folder too: what was saved after the checkpoint
is taken away, since those steps come again. What another run left is removed where the folder is
the job's own, and refused anywhere else.
"""

import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from imageclf.debugger import names
from imageclf.errors import SettingsError, TensorsError

log = logging.getLogger(__name__)

_EVENTS, _INDEX, _COLLECTIONS = "events", "index", "collections"
_MARK = "run.json"
"""File that says whose tensors these are."""

_CLAIM = "claim.smd"
"""File by which smdebug keeps a second process from writing."""

_STEP = re.compile(r"(\d+)_.*\.(tfevents|json)")


def prepare(folder: Path, run_id: str, steps_before: int | None, *, own: bool) -> None:
    """Make `folder` ready for the run `run_id`.

    Args:
        steps_before: steps of all modes behind the checkpoint; None when the training begins anew.
        own: whether the folder belongs to this job, so that what another run left may go.

    Raises:
        SettingsError: another run's tensors are there and the folder is not the job's own.
        TensorsError: the folder cannot be written to.
    """
    try:
        if steps_before is not None and _run_of(folder) == run_id:
            _take_back(folder, steps_before)
        elif _is_used(folder):
            _clear(folder, own)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _MARK).write_text(json.dumps({"run": run_id}))
    except OSError as error:
        raise TensorsError(
            f"{folder} cannot be written to ({error.strerror}), so no tensors are saved."
        ) from error


def end(folder: Path) -> None:
    """Say that nothing more will come.

    Raises:
        TensorsError: the disk does not take it.
    """
    try:
        (folder / names.END_OF_JOB).touch()
    except OSError as error:
        raise TensorsError(f"{folder} cannot be written to ({error.strerror}).") from error


def _is_used(folder: Path) -> bool:
    parts = (_EVENTS, _INDEX, _COLLECTIONS, names.END_OF_JOB)
    return any((folder / part).exists() for part in parts)


def _run_of(folder: Path) -> str | None:
    """The run whose tensors are in `folder`; None when nobody knows."""
    try:
        content = json.loads((folder / _MARK).read_bytes())
    except (OSError, ValueError):
        return None
    return str(content.get("run")) if isinstance(content, dict) else None


def _clear(folder: Path, own: bool) -> None:
    if not own:
        raise SettingsError(
            f"{folder} holds the tensors of another run; empty it, or name another folder as "
            "LocalPath in debughookconfig.json."
        )
    log.info("%s held the tensors of an earlier run, which are removed", folder)
    for part in (_EVENTS, _INDEX, _COLLECTIONS):
        shutil.rmtree(folder / part, ignore_errors=True)
    _take_marks(folder)


def _take_back(folder: Path, steps_before: int) -> None:
    """Remove what was saved at `steps_before` or later, the index before the events."""
    _take_marks(folder)
    later = [path for path, step in _files(folder) if step >= steps_before]
    for path in sorted(later, key=lambda path: path.suffix != ".json"):
        path.unlink(missing_ok=True)


def _take_marks(folder: Path) -> None:
    for name in (names.END_OF_JOB, _CLAIM):
        (folder / name).unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """Files of steps, and their steps."""
    for part in (_INDEX, _EVENTS):
        for path in (folder / part).glob("*/*"):
            found = _STEP.fullmatch(path.name)
            if found:
                yield path, int(found[1])
