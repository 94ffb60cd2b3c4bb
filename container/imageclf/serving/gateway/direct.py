"""The direct way to the workers of each model, where they have sockets of their own.

They are found in the folder of the model, by whichever gateway: nothing has to be remembered.
"""

import asyncio

from imageclf.serving.gateway.worker import Worker
from imageclf.serving.run_folder import RunFolder
from imageclf.serving.wire import SUFFIX


class Direct:
    """The workers that can be asked, by the key of their model."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._workers: dict[str, list[Worker]] = {}
        self._finding = asyncio.Lock()

    def workers(self, key: str) -> list[Worker]:
        """Those that can be asked now."""
        return [worker for worker in self._workers.get(key, ()) if not worker.gone]

    def freest(self, key: str) -> Worker | None:
        """The one that has the fewest requests."""
        return min(self.workers(key), key=lambda worker: worker.asked, default=None)

    def pids(self, key: str) -> tuple[int, ...]:
        """Their process ids."""
        return tuple(worker.pid for worker in self._workers.get(key, ()))

    def silent(self, key: str, limit_s: float) -> tuple[int, ...]:
        """Process ids of those that have owed answers for so long and given none."""
        return tuple(worker.pid for worker in self.workers(key) if worker.silent_s > limit_s)

    async def find(self, key: str) -> list[Worker]:
        """Connect to those that are new, and forget those that are gone."""
        async with self._finding:
            known = self._workers[key] = self.workers(key)
            sockets = set(self._run.model(key).glob(f"*{SUFFIX}"))
            for socket in sorted(sockets - {worker.socket for worker in known}):
                worker = Worker(socket)
                try:
                    await worker.connect()
                except ConnectionRefusedError:  # its process is dead
                    socket.unlink(missing_ok=True)
                    continue
                except OSError:
                    continue
                known.append(worker)
            if self._workers.get(key) is not known:  # retired meanwhile
                _let_go(known)
        return self.workers(key)

    def retire(self, key: str) -> None:
        """Let go of the workers of a model that ends."""
        _let_go(self._workers.pop(key, []))


def _let_go(workers: list[Worker]) -> None:
    for worker in workers:
        worker.retire()
