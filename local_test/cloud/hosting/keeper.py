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

from local_test.cloud.cloud import Cloud
from local_test.cloud.hosting import multi_model, states
from local_test.cloud.hosting.crew import Crew
from local_test.cloud.hosting.deployment import Deployment, Variant
from local_test.cloud.hosting.fleet import Fleet
from local_test.cloud.hosting.server import Server, ServerError
from local_test.cloud.operations import Document

_DRAIN_S, _DRAIN_ASYNCHRONOUS_S, _DRAIN_AT_END_S = 60.0, 3600.0, 5.0
"""How long a retired server may still answer: what SageMaker gives a request."""

_BUSY_S, _IDLE_S = 0.1, 0.5
_FIRST_RETRY_S, _MOST_RETRY_S = 1.0, 60.0
_AT_REST = (states.FAILED, states.DELETING)

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps the endpoint `name`; `wake` it when its document has changed."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.fleet = Fleet()
        self._cloud = cloud
        self._name = name
        self._crew = Crew(cloud, name, self.fleet)
        self._wake = threading.Event()
        self._ending = False
        self._drain_s = _DRAIN_S
        self._retry_s, self._retry_at_s = 0.0, 0.0
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
        self._crew.retire_all(_DRAIN_AT_END_S)

    def adopt(self) -> None:
        """Take over what an earlier process left running; before `start`."""
        document = self._document()
        if document is None:
            return
        self._crew.adopt(document, self._drain_s)
        if document["_active"] and document["EndpointStatus"] not in _AT_REST:
            self._serve_at_once(Deployment.read(document["_active"]), document["EndpointStatus"])

    def _serve_at_once(self, active: Deployment, status: str) -> None:
        for server in self._crew.of(active):
            server.ready = server.answers_ping()
            if any(one.container.is_multi for one in active.variants):
                multi_model.recall(server)
        self.fleet.switch(active, self._crew.ready(active))
        if status == states.IN_SERVICE and not self._crew.ready(active):
            self._crew.change(lambda one: states.set_status(one, states.RESTARTING))

    def _run(self) -> None:
        while not self._ending:
            self._wake.clear()
            try:
                pause_s = self._look()
            except Exception:  # noqa: BLE001  (the edge of the thread; logged)
                _log.exception("%s: a look at it failed; it goes on.", self._name)
                pause_s = _FIRST_RETRY_S
            if pause_s is None:
                return
            self._wake.wait(pause_s)

    def _look(self) -> float | None:
        """One look; how long to wait until the next, None when there is nothing to keep."""
        document = self._document()
        if document is None:
            return None
        self._pass_logs_on()
        if document["EndpointStatus"] == states.DELETING:
            self._delete(document)
            return None
        if document["EndpointStatus"] == states.FAILED:
            self._crew.retire_all(_DRAIN_S)
            return _IDLE_S
        self._approach(document)
        return _IDLE_S if all(one.ready for one in self._crew.all) else _BUSY_S

    def _pass_logs_on(self) -> None:
        try:
            for server in self._crew.all:
                server.pump.pump()
        except (OSError, sqlite3.Error):  # a full disk must not keep it from all else
            _log.exception("%s: what its servers say cannot be kept now.", self._name)

    def _approach(self, document: Document) -> None:
        """Come nearer to what the document wants."""
        active = Deployment.read(document["_active"]) if document["_active"] else None
        goal = Deployment.read(document["_next"]) if document.get("_next") else active
        assert goal is not None
        self._drain_s = _DRAIN_ASYNCHRONOUS_S if goal.asynchronous else _DRAIN_S
        self._refresh(goal)
        if active is not None and active.id != goal.id:
            self._try(lambda: self._look_after(active))
        if document["EndpointStatus"] == states.IN_SERVICE:
            self._try(lambda: self._look_after(goal))
            self._note_counts(document, goal)
            return
        try:
            self._look_after(goal)
        except ServerError as error:
            self._give_up(document, goal, str(error))
        else:
            self._lead_to(goal)

    def _refresh(self, goal: Deployment) -> None:
        """New weights count at once; servers that were doubted and are well get requests again."""
        serving = self.fleet.deployment
        if serving is None:
            return
        if serving.id == goal.id and serving != goal:
            self.fleet.switch(goal, self._crew.ready(goal))
        for server in self._crew.ready(serving):
            if not self.fleet.has(server) and server.answers_ping():
                self.fleet.add(server)

    def _look_after(self, deployment: Deployment) -> None:
        """See to the servers of a deployment; raises a ServerError when one cannot be had."""
        for server in self._crew.of(deployment):
            if server.is_ended():
                self._bury(server)
        for variant in deployment.variants:
            self._count(deployment, variant)
        for server in self._crew.of(deployment):
            if not server.ready:
                self._see_ready(server, deployment)

    def _count(self, deployment: Deployment, variant: Variant) -> None:
        own = [one for one in self._crew.of(deployment) if one.variant == variant.name]
        own.sort(key=lambda one: not one.ready)
        for surplus in own[variant.count :]:
            self._crew.retire(surplus, self._drain_s)
        for _ in range(variant.count - len(own)):
            if not self._ending:
                self._crew.begin(deployment, variant)

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
            self._bury(server)

    def _bury(self, server: Server) -> None:
        """Give a server up; raises a ServerError when it has never been ready."""
        reason = _ping_reason(server)
        _log.warning("%s: instance %s is given up.", self._name, server.id)
        self._crew.retire(server, self._drain_s)
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

    def _lead_to(self, goal: Deployment) -> None:
        """Lead requests to `goal` once all of it is ready."""
        ready = self._crew.ready(goal)
        names = [one.variant for one in ready]
        if not all(names.count(one.name) == one.count for one in goal.variants):
            return
        self.fleet.switch(goal, ready)
        self._advance(lambda one: states.set_active(one, goal))
        for server in self._crew.all:
            if server.deployment != goal.id:
                self._crew.retire(server, self._drain_s)

    def _note_counts(self, document: Document, goal: Deployment) -> None:
        names = [one.variant for one in self._crew.ready(goal)]
        before = [one.get("CurrentInstanceCount") for one in document["ProductionVariants"]]
        states.set_counts(document, names)
        after = [one.get("CurrentInstanceCount") for one in document["ProductionVariants"]]
        if before != after:
            self._crew.change(lambda one: states.set_counts(one, names))

    def _give_up(self, document: Document, goal: Deployment, reason: str) -> None:
        """Go back to what was before, or fail where nothing was."""
        _log.warning("%s: %s", self._name, reason)
        change = self._advance
        if document.get("_next") and document["_active"]:
            change(lambda one: states.set_status(one, states.ROLLING_BACK, reason))
            for server in self._crew.of(goal):
                self._crew.retire(server, self._drain_s)
            before = Deployment.read(document["_active"])
            change(lambda one: states.set_active(one, before))
        elif document.get("_before"):
            change(lambda one: one.update(_active=one.pop("_before")))
            change(lambda one: states.set_status(one, states.ROLLING_BACK, reason))
        elif document["_active"] and self._crew.ready(goal):
            change(lambda one: states.set_active(one, goal))
        else:
            self.fleet.switch(None, [])
            change(lambda one: states.set_status(one, states.FAILED, reason))

    def _advance(self, how: states.Change) -> None:
        """Change the document, unless it is to be deleted meanwhile: that is final."""

        def change(document: Document) -> None:
            if document["EndpointStatus"] != states.DELETING:
                how(document)

        self._crew.change(change)

    def _delete(self, document: Document) -> None:
        self.fleet.switch(None, [])
        self._crew.retire_all(_DRAIN_S)
        shutil.rmtree(self._crew.folder, ignore_errors=True)
        self._cloud.store.untag(document["EndpointArn"])
        self._cloud.store.delete(states.KIND, self._name)

    def _document(self) -> Document | None:
        return self._cloud.store.find(states.KIND, self._name)


def _ping_reason(server: Server) -> str:
    said = server.last_line()
    return (
        f"The primary container for production variant {server.variant} did not pass the ping "
        "health check. Please check CloudWatch logs for this endpoint."
        + (f" Its last line: {said}" if said else "")
    )
