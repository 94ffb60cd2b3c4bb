"""Which instances of jobs run now and which wait: the slots of the cloud, first come, first served.

Slots and places in the queue are locked files, and a lock ends with its process, however that ends.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

_LOOK_EVERY_S = 0.05


class GivenUpError(Exception):
    """The waiting was ended from outside."""


@contextmanager
def taken(
    root: Path,
    count: int,
    slots: int,
    *,
    since_s: float,
    is_over: Callable[[], bool] = lambda: False,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Hold `count` of the `slots` below `root`; waits for them behind those who came before.

    Args:
        since_s: when the job was made; earlier ones come first.
        is_over: is asked while waiting; once it is true, the waiting ends.
        waiting: is called once when there is a wait.

    Raises:
        GivenUpError: `is_over` became true.
    """
    with ExitStack() as held:
        with _ticket(root, since_s) as ticket:
            told = False
            while not (_is_first(ticket) and _take(root, count, slots, held)):
                if is_over():
                    raise GivenUpError
                if not told:
                    waiting()
                told = True
                time.sleep(_LOOK_EVERY_S)
        yield


@contextmanager
def _ticket(root: Path, since_s: float) -> Iterator[Path]:
    """A place in the queue: a file whose name sorts by time, locked for as long as it counts."""
    queue = root / "slots" / "queue"
    queue.mkdir(parents=True, exist_ok=True)
    made = queue / f".{os.getpid()}"
    path = queue / f"{since_s:020.6f}-{os.getpid()}"
    with made.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        made.rename(path)  # only now it is seen, and it is locked already
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def _is_first(ticket: Path) -> bool:
    before = [path for path in ticket.parent.glob("[0-9]*") if path.name < ticket.name]
    return not any(_is_held(path) for path in before)


def _is_held(path: Path) -> bool:
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)  # whoever made it is gone
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _take(root: Path, count: int, slots: int, held: ExitStack) -> bool:
    """All of `count` slots or none."""
    with ExitStack() as found:
        got = 0
        for number in range(slots):
            if got < count and (file := _lock(root / "slots" / f"slot-{number}")) is not None:
                found.enter_context(file)
                got += 1
        if got < count:
            return False
        held.push(found.pop_all())
    return True


def _lock(path: Path) -> IO[str] | None:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
