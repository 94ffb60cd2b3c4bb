"""One endpoint process for each root: who holds it, told by a lock that ends with the process."""

import fcntl
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imageclf.errors import SettingsError

_TRIES = 20
_TRY_EVERY_S = 0.02


@dataclass(frozen=True)
class Holder:
    """The process that answers for a root, and where."""

    pid: int
    address: str


class Lock:
    """The lock of the root `root`, from `take` to the end of the process."""

    def __init__(self, root: Path) -> None:
        self._path = root / "lock"
        self._file: int | None = None

    def take(self) -> None:
        """Hold the root.

        Raises:
            SettingsError: another process holds it, or it cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            _lock(self._file)
            os.ftruncate(self._file, 0)
        except BlockingIOError as error:
            self.release()
            raise SettingsError(
                f"A local cloud runs on {self._path.parent} already; stop it first, or choose "
                "another folder with LOCAL_CLOUD_ROOT."
            ) from error
        except OSError as error:
            raise SettingsError(
                f"{self._path.parent} cannot be written to ({error.strerror}); choose another "
                "folder with LOCAL_CLOUD_ROOT."
            ) from error

    def release(self) -> None:
        """Hold it no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def tell(self, holder: Holder) -> None:
        """Let others know who holds it; only after `take`."""
        assert self._file is not None
        os.pwrite(self._file, json.dumps(vars(holder)).encode(), 0)


def _lock(file: int) -> None:
    """Whoever only looks (`holder`) has the lock for a moment, so try for a while."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_TRY_EVERY_S)
    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def holder(root: Path) -> Holder | None:
    """The process that holds `root` and answers, if there is one."""
    try:
        file = os.open(root / "lock", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(file)
    finally:
        os.close(file)
    return None


def _read(file: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(file, 4096, 0)))
    except (ValueError, TypeError):
        return None
