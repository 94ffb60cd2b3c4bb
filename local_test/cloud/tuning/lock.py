"""The lock that lets a tuning job have one tuner; it ends with the process that holds it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_test.cloud.cloud import Cloud
from local_test.cloud.tuning.trials import KIND


@contextmanager
def held(cloud: Cloud, name: str) -> Iterator[None]:
    """Be the tuner of the tuning job `name`.

    Raises:
        BlockingIOError: another process is.
    """
    path = _path(cloud, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def is_held(cloud: Cloud, name: str) -> bool:
    """Whether a process is the tuner of `name`."""
    try:
        with _path(cloud, name).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _path(cloud: Cloud, name: str) -> Path:
    return cloud.store.folder(KIND, name) / "tuner.lock"
