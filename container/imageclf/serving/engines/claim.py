"""Which GPU a worker takes: the first that no other worker of the same model holds."""

import fcntl
import itertools
import os
from pathlib import Path


class Claim:
    """A GPU held by this process: the lock ends with the process, however it dies.

    With more workers than GPUs each GPU gets a second one, then a third.
    """

    def __init__(self, folder: Path, gpus: int) -> None:
        places = ((gpu, turn) for turn in itertools.count() for gpu in range(gpus))
        for self.gpu, turn in places:
            descriptor = _lock(folder / f"gpu-{self.gpu}-{turn}.lock")
            if descriptor is not None:
                self._descriptor = descriptor
                return

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._descriptor)


def _lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
