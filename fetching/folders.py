"""Folders that are there whole or not at all, and locks on them."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def make_folder(target: Path, fill: Callable[[Path], None]) -> Path:
    """`target`, filled by `fill` unless it is there already.

    `fill` writes into a hidden folder that takes its name only when `fill` has returned. Of two
    processes that want the same folder one makes it and the other waits.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with locked(target):
        if target.exists():
            return target
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            fill(part)
            part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target


@contextmanager
def locked(target: Path, *, wait: bool = True) -> Iterator[None]:
    """Only one process at a time works on `target`; the lock ends with its process.

    Raises:
        BlockingIOError: another process has it and `wait` is false.
    """
    with target.with_name(f".{target.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
