"""Which workers may still save a step, so that a step can be judged once all have."""

from collections.abc import Iterable


class Attendance:
    """The workers of one run, as their steps come in.

    A worker saves its steps in order. One that was given up, because it said nothing for too long,
    is not waited for until it comes back.
    """

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        self._given_up: set[str] = set()

    def came(self, worker: str, step: int) -> None:
        """A worker has saved a step."""
        self._latest[worker] = max(step, self._latest.get(worker, -1))
        self._given_up.discard(worker)

    def awaited(self, step: int, expected: int) -> set[str]:
        """Who may still save `step`, when there are `expected` workers at least."""
        nameless = {f"nameless {each}" for each in range(expected - len(self._latest))}
        behind = {worker for worker, latest in self._latest.items() if latest < step}
        return (nameless | behind) - self._given_up

    def give_up(self, workers: Iterable[str]) -> None:
        """Wait for these no longer."""
        self._given_up.update(workers)
