"""Files and folders that are there whole or not at all."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
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


def point(link: Path, target: str) -> None:
    """Make the symbolic link `link` lead to `target` in one step."""
    part = link.with_name(f".{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(link)


def short(path: Path) -> str:
    """Relative to the working folder where that is shorter."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


Owner = tuple[int, int]
"""User id and group id."""


def caller(environment: Mapping[str, str]) -> Owner:
    """Who called: behind sudo, the user who typed it."""
    if os.getuid() == 0 and "SUDO_UID" in environment:
        return int(environment["SUDO_UID"]), int(environment.get("SUDO_GID", 0))
    return os.getuid(), os.getgid()


def give(folder: Path, owner: Owner) -> None:
    """Make `owner` the owner of `folder` and all below; links are not followed.

    Only root can give: for others nothing has to be done.
    """
    if os.getuid() != 0 or owner == (0, 0):
        return
    os.chown(folder, *owner, follow_symlinks=False)
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            os.chown(Path(parent, name), *owner, follow_symlinks=False)
