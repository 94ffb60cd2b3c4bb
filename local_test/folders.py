"""Links that change in one step, short names of places, owners of files."""

import os
from collections.abc import Mapping
from pathlib import Path


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
