"""Saves tensors with smdebug's own writer, as official framework containers do."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from smdebug.core.modes import ModeKeys
    from smdebug.core.writer import FileWriter

REDUCTIONS = "smdebug/reductions/"


def save_step(
    folder: Path,
    step: int,
    tensors: Mapping[str, Any],
    *,
    worker: str = "worker_0",
    mode: str = "TRAIN",
    mode_step: int | None = None,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    at_s: float | None = None,
    checksums: bool = False,
) -> None:
    """Write one step of one worker; names of statistics as in the files."""
    number = step if mode_step is None else mode_step
    with (
        warnings.catch_warnings(action="ignore", category=DeprecationWarning),
        FileWriter(str(folder), worker, step, write_checksum=checksums) as writer,
    ):
        for name, value in tensors.items():
            array = np.asarray(value)
            writer.write_tensor(
                tdata=array, tname=name, mode=ModeKeys[mode], mode_step=number, timestamp=at_s
            )
        for name, shape in (shapes or {}).items():
            writer.write_shape(name, shape, ModeKeys[mode], number)


def save_collections(
    folder: Path,
    collections: Mapping[str, list[str]],
    *,
    regexes: Mapping[str, list[str]] | None = None,
    worker: str = "worker_0",
    workers: int = 1,
) -> None:
    """Write a worker's file of collections."""
    content = {
        "collections": {
            name: {
                "name": name,
                "tensor_names": names,
                "include_regex": (regexes or {}).get(name, []),
            }
            for name, names in collections.items()
        },
        "_meta": {"num_workers": workers},
    }
    path = folder / "collections" / "000000000" / f"{worker}_collections.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def end(folder: Path) -> None:
    """Say that nothing more will come."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "training_job_end.ts").touch()
