"""What keeps one endpoint as it should be: a thread that looks, and brings about what is missing.

Each look compares the endpoint's document with the servers that run: servers that are missing are
begun, surplus ones retired, and when all that is wanted is ready, requests are led there. Creating,
updating, scaling, healing and coming back after a restart are all the same to it.
"""

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from local_test.cloud.cloud import Cloud
from local_test.cloud.hosting import multi_model, states
from local_test.cloud.hosting import server as servers
from local_test.cloud.hosting.deployment import Deployment, Variant
from local_test.cloud.hosting.fleet import Fleet
from local_test.cloud.hosting.server import Server, ServerError
from local_test.cloud.operations import Document
from local_test.cloud.store import MissingError

_DRAIN_S, _DRAIN_ASYNCHRONOUS_S, _DRAIN_AT_END_S = 60.0, 3600.0, 5.0
"""How long a retired server may still answer: what SageMaker gives a request."""

_BUSY_S, _IDLE_S = 0.1, 0.5
_FIRST_RETRY_S, _MOST_RETRY_S = 1.0, 60.0

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps the endpoint `name`; `wake` it when its document has changed."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.fleet = Fleet()
        self._cloud = cloud
        self._name = name
        self._folder: Path = cloud.store.folder(states.KIND, name)
        self._servers: list[Server] = []
        self._retiring: list[threading.Thread] = []
        self._wake = threading.Event()
        self._ending = False
        self._retry_s, self._retry_at_s = 0.0, 0.0
        self._drain_s = _DRAIN_S
        self._thread = threading.Thread(target=self._run, name=f"endpoint {name}", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def wake(self) -> None:
        """Look now."""
        self._wake.set()

    def doubt(self, server: Server) -> None:
        """Give it no requests until it has answered a ping: it may be dying."""
        self.fleet.remove(server)
        self.wake()

    def end(self) -> None:
        """Stop all servers in good order; the document stays, so that they come back."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self.fleet.switch(None, [])
        self._retire_all()

    def adopt(self) -> None:
        """Take over what an earlier process left running; before `start`."""
        document = self._document()
        if document is None:
            return
        wanted = {one["id"] for one in (document["_active"], document.get("_next")) if one}
        for known in document["_servers"]:
            server = servers.adopted(self._cloud, self._name, known)
            if server is None:
                self._forget(known)
            elif known["deployment"] in wanted:
                self._servers.append(server)
            else:
                self._retire(server)
        if document["_active"] and document["EndpointStatus"] not in _AT_REST:
            self._serve_at_once(Deployment.read(document["_active"]), document)

    def _serve_at_once(self, active: Deployment, document: Document) -> None:
        for server in self._of(active):
            server.ready = server.answers_ping()
            multi_model.recall(server)
        ready = [one for one in self._of(active) if one.ready]
        self.fleet.switch(active, ready)
        if not ready and document["EndpointStatus"] == states.IN_SERVICE:
            self._change(lambda one: states.set_status(one, states.RESTARTING))

    def _run(self) -> None:
        while not self._ending:
            self._wake.clear()
            try:
                pause_s = self._look()
            except (OSError, sqlite3.Error):
                _log.exception("%s: what is kept of it cannot be read or written.", self._name)
                pause_s = _FIRST_RETRY_S
            if pause_s is None:
                return
            self._wake.wait(pause_s)

    def _look(self) -> float | None:
        """One look; how long to wait until the next, None when there is nothing to keep."""
        document = self._document()
        if document is None:
            return None
        for server in self._servers:
            server.pump.pump()
        status = document["EndpointStatus"]
        if status == states.DELETING:
            self._delete(document)
            return None
        if status == states.FAILED:
            self._retire_all()
            return _IDLE_S
        return self._approach(document)

    def _approach(self, document: Document) -> float:
        """Come nearer to what the document wants."""
        active = Deployment.read(document["_active"]) if document["_active"] else None
        goal = Deployment.read(document["_next"]) if document.get("_next") else active
        assert goal is not None
        if goal.asynchronous:
            self._drain_s = _DRAIN_ASYNCHRONOUS_S
        serving = self.fleet.deployment
        if serving is not None:
            self._restore(serving)
        if serving is not None and serving.id == goal.id and serving != goal:
            self.fleet.switch(goal, [one for one in self._of(goal) if one.ready])
        if active is not None and active.id != goal.id:
            self._try(lambda: self._look_after(active))
        if document["EndpointStatus"] == states.IN_SERVICE:
            self._try(lambda: self._look_after(goal))
        else:
            try:
                self._look_after(goal)
            except ServerError as error:
                self._give_up(document, goal, str(error))
                return _BUSY_S
        self._settle(document, goal)
        return _IDLE_S if all(one.ready for one in self._servers) else _BUSY_S

    def _restore(self, serving: Deployment) -> None:
        """Give those requests again that were doubted and are well."""
        for server in self._of(serving):
            if server.ready and not self.fleet.has(server) and server.answers_ping():
                self.fleet.add(server)

    def _look_after(self, deployment: Deployment) -> None:
        """See to the servers of a deployment; raises a ServerError when one cannot be had."""
        for server in self._of(deployment):
            if server.is_ended():
                self._bury(server)
        for variant in deployment.variants:
            self._count(deployment, variant)
        for server in self._of(deployment):
            if not server.ready:
                self._see_ready(server, deployment)

    def _count(self, deployment: Deployment, variant: Variant) -> None:
        own = [one for one in self._of(deployment) if one.variant == variant.name]
        own.sort(key=lambda one: not one.ready)
        for surplus in own[variant.count :]:
            self._retire(surplus)
        for _ in range(variant.count - len(own)):
            if self._ending:
                return
            begun = servers.begin(
                self._cloud,
                self._name,
                variant,
                deployment.id,
                folder=self._folder / variant.name,
                note=lambda known: self._change(lambda one: one["_servers"].append(known)),
            )
            self._servers.append(begun)

    def _see_ready(self, server: Server, deployment: Deployment) -> None:
        if server.answers_ping():
            server.ready = True
            self._retry_s = 0.0
            if (serving := self.fleet.deployment) and serving.id == deployment.id:
                self.fleet.add(server)
            return
        variant = deployment.variant(server.variant)
        assert variant is not None
        if server.is_ended() or time.monotonic() - server.started_s > variant.startup_timeout_s:
            reason = _ping_reason(server)
            self._retire(server)
            raise ServerError(reason)

    def _bury(self, server: Server) -> None:
        """Take it that has ended out of everything."""
        reason = _ping_reason(server)
        _log.warning("%s: instance %s has ended.", self._name, server.id)
        self._retire(server)
        if not server.ready:
            raise ServerError(reason)

    def _try(self, act: Callable[[], None]) -> None:
        """Do it, and when that fails again, later and later."""
        if time.monotonic() < self._retry_at_s:
            return
        try:
            act()
        except ServerError as error:
            _log.warning("%s: an instance cannot be replaced: %s", self._name, error)
            self._retry_s = min(max(self._retry_s * 2, _FIRST_RETRY_S), _MOST_RETRY_S)
            self._retry_at_s = time.monotonic() + self._retry_s

    def _settle(self, document: Document, goal: Deployment) -> None:
        """Lead requests to `goal` once all of it is ready; note how many serve."""
        ready = [one for one in self._of(goal) if one.ready]
        names = [one.variant for one in ready]
        complete = all(names.count(one.name) == one.count for one in goal.variants)
        if document["EndpointStatus"] == states.IN_SERVICE:
            self._note_counts(document, names)
        elif complete:
            self.fleet.switch(goal, ready)
            self._change(lambda one: states.set_active(one, goal))
            for server in [one for one in self._servers if one.deployment != goal.id]:
                self._retire(server)

    def _note_counts(self, document: Document, names: list[str]) -> None:
        before = [one.get("CurrentInstanceCount") for one in document["ProductionVariants"]]
        states.set_counts(document, names)
        after = [one.get("CurrentInstanceCount") for one in document["ProductionVariants"]]
        if before != after:
            self._change(lambda one: states.set_counts(one, names))

    def _give_up(self, document: Document, goal: Deployment, reason: str) -> None:
        """Go back to what was before, or fail where nothing was."""
        _log.warning("%s: %s", self._name, reason)
        if document.get("_next") and document["_active"]:
            self._change(lambda one: states.set_status(one, states.ROLLING_BACK, reason))
            for server in self._of(goal):
                self._retire(server)
            before = Deployment.read(document["_active"])
            self._change(lambda one: states.set_active(one, before))
        elif document.get("_before"):
            self._change(lambda one: one.update(_active=one.pop("_before")))
            self._change(lambda one: states.set_status(one, states.ROLLING_BACK, reason))
        elif any(one.ready for one in self._of(goal)) and document["_active"]:
            self._change(lambda one: states.set_active(one, goal))
        else:
            self.fleet.switch(None, [])
            self._change(lambda one: states.set_status(one, states.FAILED, reason))

    def _delete(self, document: Document) -> None:
        self.fleet.switch(None, [])
        self._retire_all()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._cloud.store.untag(document["EndpointArn"])
        self._cloud.store.delete(states.KIND, self._name)

    def _retire_all(self) -> None:
        """Retire all servers, and wait for their end."""
        for server in list(self._servers):
            self._retire(server)
        for thread in self._retiring:
            thread.join()
        self._retiring.clear()

    def _retire(self, server: Server) -> None:
        """No more requests; once those that it has are answered, it is stopped and forgotten."""
        self.fleet.remove(server)
        if server in self._servers:
            self._servers.remove(server)

        drain_s = _DRAIN_AT_END_S if self._ending else self._drain_s

        def finish() -> None:
            if not server.is_ended():
                self.fleet.wait_drained(server, drain_s)
            server.stop()
            self._forget(server.known)

        thread = threading.Thread(target=finish, name=f"end of {server.id}", daemon=True)
        thread.start()
        self._retiring = [one for one in self._retiring if one.is_alive()] + [thread]

    def _forget(self, known: Document) -> None:
        shutil.rmtree(known["folder"], ignore_errors=True)

        def drop(document: Document) -> None:
            kept = [one for one in document["_servers"] if one["id"] != known["id"]]
            document["_servers"] = kept

        self._change(drop)

    def _of(self, deployment: Deployment) -> list[Server]:
        return [one for one in self._servers if one.deployment == deployment.id]

    def _document(self) -> Document | None:
        return self._cloud.store.find(states.KIND, self._name)

    def _change(self, how: Callable[[Document], object]) -> None:
        try:
            self._cloud.store.change(states.KIND, self._name, how)
        except MissingError:
            _log.warning("%s is not there any more.", self._name)


_AT_REST = (states.FAILED, states.DELETING)


def _ping_reason(server: Server) -> str:
    said = server.last_line()
    return (
        f"The primary container for production variant {server.variant} did not pass the ping "
        "health check. Please check CloudWatch logs for this endpoint."
        + (f" Its last line: {said}" if said else "")
    )
