"""A program in a private view of the file system, where /opt/ml is a folder of the job.

    enclosure.py '{"ml": FOLDER, "read_only": [PART, ...], "hosts": FILE}' PROGRAM [ARGUMENT ...]

An empty view, `{}`, leaves things as they are and runs the program.

Runs as a script of its own and needs the standard library only. The program takes its place, so
that signals reach it and its exit code is its own. Linux alone has mount namespaces; without root
a user namespace is needed too, which some systems forbid. Nothing outside the namespace changes.
"""

import ctypes
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

_ML = "/opt/ml"
_HOSTS = "/etc/hosts"

_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_READ_ONLY = 1
_REMOUNT = 32
_BIND = 4096
_RECURSIVE = 16384
_PRIVATE = 1 << 18

FAILED = 125
"""Exit code when the view cannot be made."""

_NOT_FOUND = 127
_NOT_EXECUTABLE = 126


def main(arguments: list[str]) -> int:
    """Make the view and become the program; returns only when one of both fails."""
    view = json.loads(arguments[0])
    try:
        if view:
            _enter()
            _arrange(**view)
    except OSError as error:
        sys.stderr.write(f"The private {_ML} cannot be made: {error}.\n")
        return FAILED
    return _become(arguments[1:])


def _arrange(ml: str, read_only: Sequence[str] = (), hosts: str | None = None) -> None:
    _show(ml, _ML)
    for part in read_only:
        _protect(f"{_ML}/{part}")
    if hosts and Path(_HOSTS).exists():
        _mount(hosts, _HOSTS, _BIND)
    os.chdir(_ML)


def _become(program: list[str]) -> int:
    try:
        os.execvp(program[0], program)  # noqa: S606  (that is what it is for)
    except FileNotFoundError:
        sys.stderr.write(f"{program[0]}: there is no such program.\n")
        return _NOT_FOUND
    except OSError as error:
        sys.stderr.write(f"{program[0]} cannot be run: {error.strerror}.\n")
        return _NOT_EXECUTABLE


def _enter() -> None:
    """Enter a mount namespace, if need be inside a user namespace with the same user."""
    user, group = os.geteuid(), os.getegid()
    try:
        _call("unshare", _CLONE_NEWNS)
    except PermissionError:
        _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    _mount(None, "/", _RECURSIVE | _PRIVATE)


def _show(folder: str, place: str) -> None:
    """Bind `folder` to `place`, which is made in this view when it is not there."""
    source = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    if not Path(place).is_dir():
        _make_room(Path(place))
    _mount(f"/proc/self/fd/{source}", place, _BIND | _RECURSIVE)
    os.close(source)


def _make_room(place: Path) -> None:
    """A `place` in a copy of its parent that consists of mounts: the real one is not written to."""
    parent = place.parent
    real = os.open(parent, os.O_PATH | os.O_DIRECTORY)
    entries = list(Path(f"/proc/self/fd/{real}").iterdir())
    _call("mount", b"tmpfs", os.fsencode(parent), b"tmpfs", 0, b"mode=755")
    for entry in entries:
        _mirror(entry, parent / entry.name)
    os.close(real)
    place.mkdir()


def _mirror(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    if source.is_dir():
        target.mkdir()
    else:
        target.touch()
    _mount(str(source), str(target), _BIND | _RECURSIVE)


def _protect(place: str) -> None:
    """Make what lies at `place` read-only in this view."""
    _mount(place, place, _BIND)
    kept = os.statvfs(place).f_flag & (os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC)
    _mount(None, place, _BIND | _REMOUNT | _READ_ONLY | kept)


def _mount(source: str | None, target: str, flags: int) -> None:
    encoded = None if source is None else os.fsencode(source)
    _call("mount", encoded, os.fsencode(target), None, ctypes.c_ulong(flags), None)


def _call(name: str, *arguments: object) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
