"""Opens files below one folder and nowhere else, whatever their names or links say."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imageclf.errors import TensorsError


@dataclass(frozen=True)
class OpenFile:
    """A file that is open for reading; `size` in bytes, `modified_s` in Unix time."""

    name: str
    descriptor: int
    size: int
    modified_s: float

    def read(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`.

        Raises:
            TensorsError: the file is shorter, or cannot be read.
        """
        if start < 0 or length < 0 or start + length > self.size:
            raise TensorsError(f"{self.name} is shorter than its index says.")
        parts, missing = [], length
        while missing:
            try:
                part = os.pread(self.descriptor, missing, start + length - missing)
            except OSError as error:
                raise TensorsError(f"{self.name} cannot be read ({error.strerror}).") from error
            if not part:
                raise TensorsError(f"{self.name} became shorter while it was read.")
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


class Folder:
    """The folder at `path`, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def open(self, name: str) -> Iterator[OpenFile]:
        """The ordinary file `name`, a path relative to the folder.

        Raises:
            TensorsError: it lies outside, is no ordinary file, or cannot be opened.
        """
        descriptor = self._descriptor(name)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise TensorsError(f"{name} is not an ordinary file.")
            yield OpenFile(name, descriptor, status.st_size, status.st_mtime)
        finally:
            os.close(descriptor)

    def read(self, name: str, limit: int) -> bytes:
        """The whole file, of at most `limit` bytes.

        Raises:
            TensorsError: it is larger, or as in `open`.
        """
        with self.open(name) as file:
            if file.size > limit:
                raise TensorsError(f"{name} is larger than {limit} bytes.")
            return file.read(0, file.size)

    def _descriptor(self, name: str) -> int:
        try:
            path = (self.path / name).resolve()
            if not path.is_relative_to(self.path.resolve()):
                raise TensorsError(f"{name!r} lies outside of {self.path}.")
            # A pipe in the place of a file must not make the reader wait.
            return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise TensorsError(f"{name} cannot be opened ({reason}).") from error
        except ValueError as error:
            raise TensorsError(f"{name!r} is not a file's name.") from error
