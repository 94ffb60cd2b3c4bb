"""Lets one process write to a folder, among several that know nothing of each other.

The file is smdebug's, but what claims the folder is a lock on it, which ends with its process: a
file that a killed process left behind keeps nobody out.
"""

import fcntl
from pathlib import Path
from typing import BinaryIO

_FILE = "claim.smd"


class Claim:
    """The right to write to `folder`, once it is taken."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._file: BinaryIO | None = None

    def take(self) -> bool:
        """Whether this process may write there.

        Raises:
            OSError: the folder cannot be written to.
        """
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Leave the folder to whoever comes next."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None
