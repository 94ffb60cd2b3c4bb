"""The servers that an endpoint has, in service or not: begun, taken over, retired, forgotten.

What runs stands in the endpoint's document too (`_servers`), so that a later process finds it.
"""

import logging
import shutil
import threading
from collections.abc import Callable

from local_test.cloud.cloud import Cloud
from local_test.cloud.hosting import server as servers
from local_test.cloud.hosting import states
from local_test.cloud.hosting.deployment import Deployment, Variant
from local_test.cloud.hosting.fleet import Fleet
from local_test.cloud.hosting.server import Server
from local_test.cloud.operations import Document
from local_test.cloud.store import MissingError

_log = logging.getLogger(__name__)


class Crew:
    """The servers of the endpoint `name`; one thread works with it.

    Args:
        fleet: those of them that requests go to.
    """

    def __init__(self, cloud: Cloud, name: str, fleet: Fleet) -> None:
        self.folder = cloud.store.folder(states.KIND, name)
        self._cloud = cloud
        self._name = name
        self._fleet = fleet
        self._servers: list[Server] = []
        self._retiring: list[threading.Thread] = []

    @property
    def all(self) -> list[Server]:
        """All that are not retired."""
        return list(self._servers)

    def of(self, deployment: Deployment) -> list[Server]:
        """Those of one deployment."""
        return [one for one in self._servers if one.deployment == deployment.id]

    def ready(self, deployment: Deployment) -> list[Server]:
        """Those of one deployment that have said that they are ready."""
        return [one for one in self.of(deployment) if one.ready]

    def adopt(self, document: Document, drain_s: float) -> None:
        """Take over what an earlier process began, and retire what nobody wants any more."""
        wanted = {one["id"] for one in (document["_active"], document.get("_next")) if one}
        for known in document["_servers"]:
            server = servers.adopted(self._cloud, self._name, known)
            if server is None:
                self._forget(known)
            elif known["deployment"] in wanted:
                self._servers.append(server)
            else:
                self.retire(server, drain_s)
        noted = {known["folder"] for known in document["_servers"]}
        for folder in self.folder.glob("*/i-*"):
            if str(folder) not in noted:
                shutil.rmtree(folder, ignore_errors=True)

    def begin(self, deployment: Deployment, variant: Variant) -> None:
        """One server more.

        Raises:
            ServerError: it cannot be had.
        """
        begun = servers.begin(
            self._cloud,
            self._name,
            variant,
            deployment.id,
            folder=self.folder / variant.name,
            note=lambda known: self.change(lambda one: one["_servers"].append(known)),
        )
        self._servers.append(begun)

    def retire(self, server: Server, drain_s: float) -> None:
        """No more requests for it; once those that it has are answered, it is stopped.

        This does not wait for that; `drain_s` is the most that requests get.
        """
        self._fleet.remove(server)
        if server in self._servers:
            self._servers.remove(server)

        def finish() -> None:
            if not server.is_ended():
                self._fleet.wait_drained(server, drain_s)
            server.stop()
            self._forget(server.known)

        thread = threading.Thread(target=finish, name=f"end of {server.id}", daemon=True)
        thread.start()
        self._retiring = [one for one in self._retiring if one.is_alive()] + [thread]

    def retire_all(self, drain_s: float) -> None:
        """Retire all, and wait until they are gone."""
        for server in self.all:
            self.retire(server, drain_s)
        for thread in self._retiring:
            thread.join()
        self._retiring.clear()

    def change(self, how: Callable[[Document], object]) -> None:
        """Change the endpoint's document, if it is still there."""
        try:
            self._cloud.store.change(states.KIND, self._name, how)
        except MissingError:
            _log.warning("%s is not there any more.", self._name)

    def _forget(self, known: Document) -> None:
        shutil.rmtree(known["folder"], ignore_errors=True)

        def drop(document: Document) -> None:
            kept = [one for one in document["_servers"] if one["id"] != known["id"]]
            document["_servers"] = kept

        self.change(drop)
