"""Writes traces whole or not at all: compressed, under their name only when they are complete."""

import errno
import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".pt.trace.json.gz"
"""How the names of traces end, as TensorBoard's plugin for torch.profiler expects it."""

_LEVEL = 3
_TAIL_BYTES = 64


def write(export: Callable[[Path], None], target: Path) -> None:
    """Write into `target` the JSON that `export` writes into the file it is given, compressed.

    Raises:
        OSError: the disk did not take it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    plain = target.with_name(f".{target.name}.{os.getpid()}.json")
    packed = target.with_name(f".{target.name}.{os.getpid()}.gz")
    try:
        export(plain)
        _check_whole(plain)
        with plain.open("rb") as source, gzip.open(packed, "wb", _LEVEL) as file:
            shutil.copyfileobj(source, file, 1 << 20)
        packed.replace(target)
    finally:
        # Kineto writes into a file of its own first, and leaves it when it fails.
        for path in (plain, plain.with_name(f"{plain.name}.tmp"), packed):
            path.unlink(missing_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copy a trace; nobody sees half of it.

    Raises:
        OSError: the disk did not take it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _check_whole(path: Path) -> None:
    """Kineto says nothing when the disk is full; then the end of the JSON is not there."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            whole = file.read().rstrip().endswith(b"}")
    except FileNotFoundError:
        whole = False
    if not whole:
        raise OSError(errno.EIO, "torch wrote no whole trace; see whether the disk is full")
