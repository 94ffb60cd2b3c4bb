"""Who gets the next request: the servers of an endpoint that are in service.

The variant is chosen by weight, the server in it by who has fewest requests. All of it is in
memory: a request costs no look at a file.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local_test.cloud.errors import ApiError
from local_test.cloud.hosting.deployment import Deployment, Variant
from local_test.cloud.hosting.server import Server
from local_test.cloud.hosting.turns import Turns


@dataclass(frozen=True)
class Lease:
    """A server for the time of one request."""

    deployment: Deployment
    variant: Variant
    server: Server
    servers: int


Preference = Callable[[Server], bool]


class Fleet:
    """The servers in service; a request that was given one is counted until it is answered."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._deployment: Deployment | None = None
        self._servers: list[Server] = []
        self._turns = Turns({})

    @property
    def deployment(self) -> Deployment | None:
        """What is in service; None before the first and after the last."""
        return self._deployment

    def switch(self, deployment: Deployment | None, servers: Iterable[Server]) -> None:
        """From now on requests go to these servers, all of them of `deployment`."""
        with self._changed:
            weights = {one.name: one.weight for one in deployment.variants} if deployment else {}
            self._deployment, self._turns = deployment, Turns(weights)
            self._servers = list(servers)
            self._changed.notify_all()

    def add(self, server: Server) -> None:
        """One more server of the deployment that is in service."""
        with self._changed:
            if server not in self._servers:
                self._servers.append(server)
                self._changed.notify_all()

    def has(self, server: Server) -> bool:
        """Whether requests go to it."""
        return server in self._servers

    def remove(self, server: Server) -> None:
        """No further requests for it; those that it has are left to it."""
        with self._changed:
            if server in self._servers:
                self._servers.remove(server)

    @contextmanager
    def lease(
        self, target: str = "", prefer: Preference = lambda _: False, wait_s: float = 0.0
    ) -> Iterator[Lease]:
        """A server for one request, of the variant `target` or else of the one whose turn it is.

        `prefer` says which servers go first (those that have a model loaded); `wait_s` is how long
        to wait when no server is there for the moment.

        Raises:
            ApiError: there is no such variant, no server, or (serverless) no room.
        """
        deadline = time.monotonic() + wait_s
        with self._changed:
            lease = self._take(target, prefer)
            while lease is None:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise ApiError(
                        "ServiceUnavailable", "No instance of the endpoint is in service now.", 503
                    )
                lease = self._take(target, prefer)
        try:
            yield lease
        finally:
            with self._changed:
                lease.server.requests -= 1
                self._changed.notify_all()

    def wait_drained(self, server: Server, most_s: float) -> bool:
        """Wait until it has no request any more, up to `most_s`; whether it came so far."""
        with self._changed:
            return self._changed.wait_for(lambda: server.requests == 0, most_s)

    def _take(self, target: str, prefer: Preference) -> Lease | None:
        deployment = self._deployment
        if deployment is None:
            return None
        variant = deployment.variant(target or self._turns.next())
        if variant is None:
            raise ApiError("ValidationError", f"Variant {target} is not part of the endpoint.")
        servers = [one for one in self._servers if one.variant == variant.name]
        if not servers:
            return None
        most = variant.most_requests
        if most is not None and sum(one.requests for one in servers) >= most:
            raise ApiError("ThrottlingException", "Rate exceeded: MaxConcurrency is reached.")
        server = min(servers, key=lambda one: (not prefer(one), one.requests, one.given_at_s))
        server.requests += 1
        server.given_at_s = time.monotonic()
        return Lease(deployment, variant, server, len(servers))
