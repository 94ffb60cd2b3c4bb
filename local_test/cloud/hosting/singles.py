"""What there is one of for each cloud in a process: made when it is first asked for."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from local_test.cloud.cloud import Cloud

T = TypeVar("T")


class Singles(Generic[T]):
    """One `T` for each cloud, by its root; `make` makes it."""

    def __init__(self, make: Callable[[Cloud], T]) -> None:
        self._make = make
        self._made: dict[Path, T] = {}
        self._lock = threading.Lock()

    def of(self, cloud: Cloud) -> T:
        """The one of this cloud."""
        root = cloud.settings.root
        with self._lock:
            if root not in self._made:
                self._made[root] = self._make(cloud)
            return self._made[root]

    def pop(self, cloud: Cloud) -> T | None:
        """Forget the one of this cloud, and return it if there was one."""
        with self._lock:
            return self._made.pop(cloud.settings.root, None)
