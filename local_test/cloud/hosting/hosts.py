"""All endpoints of one local cloud as they run in this process, found by name."""

import logging
import sqlite3
import threading

from local_test.cloud.cloud import Cloud
from local_test.cloud.hosting import states
from local_test.cloud.hosting.keeper import Keeper
from local_test.cloud.hosting.recorder import Recorder
from local_test.cloud.hosting.singles import Singles
from local_test.cloud.hosting.usage import Usage

_WRITE_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class Host:
    """The keepers of the endpoints, and what is written about invocations."""

    def __init__(self, cloud: Cloud) -> None:
        self.recorder = Recorder()
        self.usage = Usage()
        self._cloud = cloud
        self._keepers: dict[str, Keeper] = {}
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._writer = threading.Thread(target=self._write, name="captures", daemon=True)
        self._writer.start()

    def find(self, name: str) -> Keeper | None:
        """The keeper of an endpoint."""
        return self._keepers.get(name)

    def keep(self, name: str) -> None:
        """Begin to keep a new endpoint."""
        self._keep(name, adopt=False)

    def wake(self, name: str) -> None:
        """An endpoint's document has changed."""
        if keeper := self.find(name):
            keeper.wake()

    def resume(self) -> None:
        """Keep all endpoints that there are, with the servers that still run."""
        for document in self._cloud.store.all(states.KIND):
            self._keep(document["EndpointName"], adopt=True)

    def end(self) -> None:
        """Stop all servers in good order, and write what is not written."""
        with self._lock:
            keepers = list(self._keepers.values())
        ends = [threading.Thread(target=keeper.end) for keeper in keepers]
        for thread in ends:
            thread.start()
        for thread in ends:
            thread.join()
        self._ending.set()
        self._writer.join()
        self._flush(all_of_it=True)

    def _keep(self, name: str, *, adopt: bool) -> None:
        keeper = Keeper(self._cloud, name)
        if adopt:
            keeper.adopt()
        with self._lock:
            self._keepers[name] = keeper
        keeper.start()

    def _write(self) -> None:
        while not self._ending.wait(_WRITE_EVERY_S):
            self._flush()

    def _flush(self, *, all_of_it: bool = False) -> None:
        try:
            self.recorder.store(self._cloud.objects, all_of_it=all_of_it)
            self.usage.write(self._cloud.metrics)
        except (OSError, sqlite3.Error):
            _log.exception("Figures of invocations cannot be written, and are lost.")


_hosts = Singles(Host)
of = _hosts.of


def resume(cloud: Cloud) -> None:
    """Take over what an earlier process left running."""
    of(cloud).resume()


def end(cloud: Cloud) -> None:
    """Stop all servers."""
    of(cloud).end()
    _hosts.pop(cloud)
