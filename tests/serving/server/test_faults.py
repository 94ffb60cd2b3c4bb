from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.serving.requests_of_all_kinds import JPEG
from tests.serving.server.conftest import root_with
from tests.serving.server.load import Load
from tests.serving.server.running import Server, command_line, halt, running, runs, wait_until


@pytest.fixture(scope="module", params=["1", "2"], ids=["one worker", "two workers"])
def busy(
    request: pytest.FixtureRequest, small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that the tests of this module kill parts of."""
    root = root_with(small_model, tmp_path_factory.mktemp("root"))
    with running(root, IMAGECLF_WORKERS=request.param) as server:
        yield server


VICTIMS: dict[str, Callable[[Server], psutil.Process]] = {
    "worker": lambda server: server.workers()[0],
    "parent": lambda server: server.parents()[0],
    "jvm": lambda server: server.jvm(),
}


def killed(server: Server, load: Load, victim: Callable[[Server], psutil.Process]) -> None:
    """Kill the victim, and wait until somebody else is in its place and all is well again."""
    dead = victim(server)
    dead.kill()
    wait_until(lambda: dead not in server.family() or not dead.is_running(), "gone", server)
    wait_until(
        lambda: server.is_ready() and server.workers() and victim(server).pid != dead.pid,
        "healed",
        server,
    )
    load.wait_for_more()


@pytest.mark.parametrize("name", list(VICTIMS))
def test_no_request_is_lost_with_a_process_that_is_killed(busy: Server, name: str) -> None:
    with Load(busy) as load:
        killed(busy, load, VICTIMS[name])
    assert load.statuses.keys() == {200}
    assert load.broken == []


def test_no_request_is_lost_with_several_killed_in_a_row(busy: Server) -> None:
    with Load(busy) as load:
        for name in ("worker", "worker", "parent"):
            killed(busy, load, VICTIMS[name])
    assert load.statuses.keys() == {200}
    assert load.broken == []


@pytest.mark.parametrize("name", ["parent", "jvm"])
def test_a_model_stays_ready_while_its_workers_live(busy: Server, name: str) -> None:
    dead = VICTIMS[name](busy)
    before = set(busy.workers())
    dead.kill()
    looks = []

    def replaced() -> bool:
        looks.append(busy.is_ready())
        return bool(busy.workers()) and not before & set(busy.workers())

    wait_until(replaced, "replaced", busy)
    assert all(looks)
    assert busy.post(JPEG)[0] == 200
    wait_until(lambda: not [one for one in before if runs(one)], "ended", busy)


def test_only_open_connections_break_with_the_gateway(busy: Server) -> None:
    workers = {one.pid for one in busy.workers()}
    with Load(busy) as load:
        killed(busy, load, lambda server: server.gateway())
    assert load.statuses.keys() == {200}
    assert len(load.broken) <= 4
    assert {one.pid for one in busy.workers()} == workers


def test_a_worker_that_hangs_costs_its_request_a_504_and_is_replaced(root: Path) -> None:
    with running(root, IMAGECLF_TIMEOUT_S="1") as server:
        hanging = server.workers()[0]
        halt(hanging)
        status, _, body = server.post(b"picture")
        assert (status, b"1 s" in body) == (504, True)
        wait_until(lambda: server.post(b"no picture")[0] == 400, "answering", server)
        wait_until(lambda: not hanging.is_running(), "replaced", server)


def test_what_dies_again_and_again_ends_the_server(root: Path) -> None:
    with running(root) as server:
        while server.process.poll() is None:
            for one in server.family():
                if "imageclf.serving.gateway" in command_line(one):
                    one.kill()
        assert server.ended() == 1
        assert "again and again" in server.errors[-1]
        wait_until(lambda: not server.left(), "gone")


def test_nothing_outlives_a_supervisor_that_is_killed(root: Path) -> None:
    with running(root) as server, Load(server):
        server.process.kill()
        wait_until(lambda: not server.left(), "gone")
        assert list(server.temporary.iterdir()) == []


def test_nothing_outlives_a_supervisor_and_a_gateway_that_are_killed_together(root: Path) -> None:
    with running(root) as server, Load(server):
        gateway = server.gateway()
        server.process.kill()
        gateway.kill()
        wait_until(lambda: not server.left(), "gone")
