"""The files that hold what objects are made of, named at random and never changed once written.

Nothing is forced to the disk's surface: a killed process loses nothing, a power cut may.
"""

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
_ORPHAN_S = 24 * 3600.0
_NO_FAST_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}

Source = bytes | BinaryIO | Path | Iterable[bytes]


@dataclass(frozen=True)
class Content:
    """A file that was written; `etag` is its MD5 in hexadecimal digits."""

    name: str
    size: int
    etag: str


def save(source: BinaryIO, target: Path) -> None:
    """Copy an open file to `target`, in place of what is there; a link there is not followed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with _removed_on_error(target), target.open("xb") as copy:
        _copy(source, copy)


class ContentFiles:
    """The files below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, source: Source) -> Content:
        """A new file with what `source` holds; when reading or writing fails nothing is left."""
        if isinstance(source, Path):
            with _open_plain(source) as opened:
                return self.write(opened)
        md5 = hashlib.md5(usedforsecurity=False)
        size = 0
        with self._new() as (name, target):
            for chunk in _chunks(source):
                md5.update(chunk)
                target.write(chunk)
                size += len(chunk)
        return Content(name, size, md5.hexdigest())

    def join(self, names: Collection[str]) -> str:
        """A new file with the content of these, one after the other."""
        if len(names) == 1:
            return self.share(next(iter(names)))
        with self._new() as (name, target):
            for part in names:
                with self.open(part) as source:
                    _copy(source, target)
        return name

    def share(self, name: str) -> str:
        """A second name for the content of a file; the first may then be removed."""
        other = secrets.token_hex(16)
        self._path(other).parent.mkdir(parents=True, exist_ok=True)
        try:
            self._path(other).hardlink_to(self._path(name))
        except FileNotFoundError:
            raise
        except OSError:
            with self._new() as (other, target), self.open(name) as source:
                _copy(source, target)
        return other

    def open(self, name: str) -> BinaryIO:
        """The file, to read.

        Raises:
            FileNotFoundError: it was removed.
        """
        return self._path(name).open("rb")

    def remove(self, *names: str) -> None:
        """Forget files; who has one open may go on reading it."""
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def sweep(self, known: Callable[[], Collection[str]]) -> None:
        """Remove what killed writers left: files older than a day that are not `known`."""
        before = time.time() - _ORPHAN_S
        old = [path for path in self._root.glob("*/*") if _changed_s(path) < before]
        if old:
            names = known()
            self.remove(*(path.name for path in old if path.name not in names))

    @contextmanager
    def _new(self) -> Iterator[tuple[str, BinaryIO]]:
        name = secrets.token_hex(16)
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _removed_on_error(path), path.open("xb") as target:
            yield name, target

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name


@contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _open_plain(path: Path) -> BinaryIO:
    """A file to read; a pipe is not waited for, nor a link followed."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(number).st_mode):
        return os.fdopen(number, "rb")
    os.close(number)
    raise OSError(errno.EINVAL, "Not a plain file", str(path))


def _chunks(source: bytes | BinaryIO | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(source, bytes):
        return [source]
    read = getattr(source, "read", None)
    return source if read is None else iter(lambda: read(_CHUNK), b"")


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    """Within the kernel, sharing blocks where the file system can; else by reading and writing."""
    try:
        while _copy_range(source.fileno(), target.fileno(), 1 << 30):
            pass
    except OSError as error:
        if error.errno not in _NO_FAST_COPY:
            raise
        target.seek(0, os.SEEK_END)
        shutil.copyfileobj(source, target, _CHUNK)
        target.flush()


def _copy_range(source: int, target: int, most: int) -> int:
    if not hasattr(os, "copy_file_range"):
        raise OSError(errno.ENOSYS, "There is no copy_file_range on this system.")
    return os.copy_file_range(source, target, most)


def _changed_s(path: Path) -> float:
    """When the file was last written or given a name; a file that has gone is new."""
    try:
        return path.stat().st_ctime
    except FileNotFoundError:
        return time.time()
