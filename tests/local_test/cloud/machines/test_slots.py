"""Who runs and who waits."""

import multiprocessing
import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from local_test.cloud.machines.slots import GivenUpError, taken
from tests.local_test.cloud.machines.containers import PATIENCE_S

_spawn = multiprocessing.get_context("fork")


def hold(root: Path, name: str, since_s: float, count: int, release: Event) -> None:
    def wait() -> None:
        (root / f"{name}.waits").touch()

    with taken(root, count, 2, since_s=since_s, waiting=wait):
        (root / f"{name}.has").touch()
        release.wait(PATIENCE_S)


class Holder:
    def __init__(self, root: Path, name: str, since_s: float, count: int = 1) -> None:
        self._root, self._name, self._release = root, name, _spawn.Event()
        told = (root, name, since_s, count, self._release)
        self.process = _spawn.Process(target=hold, args=told, daemon=True)
        self.process.start()

    def has(self) -> bool:
        return (self._root / f"{self._name}.has").exists()

    def when(self, state: str) -> "Holder":
        deadline = time.monotonic() + PATIENCE_S
        while not (self._root / f"{self._name}.{state}").exists():
            assert time.monotonic() < deadline, (self._name, state)
            time.sleep(0.01)
        return self

    def release(self) -> None:
        self._release.set()
        self.process.join(PATIENCE_S)

    def kill(self) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join(PATIENCE_S)


def test_who_wants_two_slots_is_not_overtaken_by_who_wants_one(tmp_path: Path) -> None:
    first = Holder(tmp_path, "first", 1.0).when("has")
    wide = Holder(tmp_path, "wide", 2.0, count=2).when("waits")
    late = Holder(tmp_path, "late", 3.0).when("waits")
    assert not late.has(), "though one slot is free"
    first.release()
    wide.when("has").release()
    late.when("has").release()


def test_the_earlier_job_comes_first_whoever_came_first_to_the_queue(tmp_path: Path) -> None:
    both = Holder(tmp_path, "both", 1.0, count=2).when("has")
    later = Holder(tmp_path, "later", 9.0, count=2).when("waits")
    earlier = Holder(tmp_path, "earlier", 5.0, count=2).when("waits")
    both.release()
    earlier.when("has")
    assert not later.has()
    earlier.release()
    later.when("has").release()


def test_the_dead_hold_no_slot_and_no_place_in_the_queue(tmp_path: Path) -> None:
    first = Holder(tmp_path, "first", 1.0, count=2).when("has")
    second = Holder(tmp_path, "second", 2.0, count=2).when("waits")
    third = Holder(tmp_path, "third", 3.0, count=2).when("waits")
    second.kill()
    first.kill()
    third.when("has").release()


def test_the_waiting_can_be_given_up(tmp_path: Path) -> None:
    first = Holder(tmp_path, "first", 1.0, count=2).when("has")
    with pytest.raises(GivenUpError), taken(tmp_path, 1, 2, since_s=2.0, is_over=lambda: True):
        pass
    first.release()
    with taken(tmp_path, 2, 2, since_s=3.0):
        pass
