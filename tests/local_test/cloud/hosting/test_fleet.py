import threading
from contextlib import ExitStack
from typing import Any, cast

import pytest

from local_test.cloud.errors import ApiError
from local_test.cloud.hosting.containers import ModelContainer
from local_test.cloud.hosting.deployment import Deployment, Variant
from local_test.cloud.hosting.fleet import Fleet
from local_test.cloud.hosting.server import Server

CONTAINER = ModelContainer("image", {})


class FakeServer:
    """What a fleet needs to know of a server; nothing runs."""

    def __init__(self, name: str, variant: str = "a") -> None:
        self.name = name
        self.variant = variant
        self.requests = 0
        self.given_at_s = 0.0


def made(*names: str, serverless: Any = None) -> tuple[Fleet, list[Server]]:
    """A fleet of one variant with these servers."""
    fleet, servers = Fleet(), [cast(Server, FakeServer(name)) for name in names]
    variant = Variant("a", CONTAINER, len(names), 1.0, serverless=serverless)
    fleet.switch(Deployment("1", "config", (variant,)), servers)
    return fleet, servers


def name(server: Server) -> str:
    return cast(FakeServer, server).name


def test_the_server_with_fewest_requests_is_next_and_ties_go_round() -> None:
    fleet, _ = made("one", "two")
    with fleet.lease() as first, fleet.lease() as second, fleet.lease() as third:
        assert {name(first.server), name(second.server)} == {"one", "two"}
        assert name(third.server) == name(first.server)
    taken = []
    for _ in range(4):
        with fleet.lease() as lease:
            taken.append(name(lease.server))
    assert taken in (["two", "one"] * 2, ["one", "two"] * 2)


def test_a_preferred_server_is_taken_though_it_has_more_to_do() -> None:
    fleet, _ = made("one", "two")
    with ExitStack() as stack:
        for _ in range(3):
            lease = stack.enter_context(fleet.lease(prefer=lambda one: name(one) == "two"))
            assert name(lease.server) == "two"


def test_a_removed_server_keeps_its_requests_and_is_drained_after_the_last() -> None:
    fleet, (one,) = made("one")
    with fleet.lease():
        fleet.remove(one)
        assert not fleet.wait_drained(one, 0.01)
        with pytest.raises(ApiError, match="No instance"), fleet.lease():
            pass
    assert fleet.wait_drained(one, 0)


def test_who_finds_nobody_waits_for_the_next_server() -> None:
    fleet, (one,) = made("one")
    fleet.remove(one)
    timer = threading.Timer(0.05, fleet.add, [one])
    timer.start()
    with fleet.lease(wait_s=60) as lease:
        assert lease.server is one
    timer.join()


def test_beyond_its_concurrency_a_serverless_variant_says_no() -> None:
    fleet, _ = made("one", serverless={"MaxConcurrency": 2})
    with fleet.lease(), fleet.lease():
        with pytest.raises(ApiError) as refused, fleet.lease():
            pass
        assert refused.value.code == "ThrottlingException"
    with fleet.lease():
        pass
