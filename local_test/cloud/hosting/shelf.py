"""Which models a server of a multi-model endpoint has loaded, who uses them, and which may go."""

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager


class Shelf:
    """The loaded models of one server, the least recently used first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._users: dict[str, int] = {}
        self._moving: set[str] = set()

    def has(self, name: str) -> bool:
        """Whether it is loaded, or being loaded."""
        return name in self._users or name in self._moving

    @property
    def count(self) -> int:
        """How many are loaded."""
        return len(self._users)

    def correct(self, names: Collection[str]) -> None:
        """These are loaded and no others, as the server says itself; what is in use stays."""
        with self._changed:
            known = {name: users for name, users in self._users.items() if users or name in names}
            new = (name for name in names if name not in known and name not in self._moving)
            self._users = known | dict.fromkeys(new, 0)

    @contextmanager
    def using(self, name: str, load: Callable[[], None]) -> Iterator[bool]:
        """The model stays while the block runs; yields whether it was there already.

        The first to want it calls `load`, others wait for that; what `load` raises is the first
        one's, and the next tries again.
        """
        was_there = self._take(name)
        if not was_there:
            self._bring(name, load)
        try:
            yield was_there
        finally:
            with self._changed:
                if name in self._users:
                    self._users[name] -= 1
                    self._changed.notify_all()

    def pick_idle(self) -> str | None:
        """Take down the one that nobody has used for longest; then `dropped` must be called."""
        with self._changed:
            idle = next((name for name, users in self._users.items() if users == 0), None)
            if idle is not None:
                del self._users[idle]
                self._moving.add(idle)
            return idle

    def dropped(self, name: str) -> None:
        """It is unloaded; whoever wants it may load it again."""
        with self._changed:
            self._moving.discard(name)
            self._changed.notify_all()

    def forget(self, name: str) -> None:
        """It turned out that it is not loaded any more."""
        with self._changed:
            self._users.pop(name, None)

    def _take(self, name: str) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: name not in self._moving)
            if name not in self._users:
                self._moving.add(name)
                return False
            self._users[name] = self._users.pop(name) + 1
            return True

    def _bring(self, name: str, load: Callable[[], None]) -> None:
        loaded = False
        try:
            load()
            loaded = True
        finally:
            with self._changed:
                self._moving.discard(name)
                if loaded:
                    self._users[name] = 1
                self._changed.notify_all()
