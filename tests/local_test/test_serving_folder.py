import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from local_test.models import Model
from local_test.serving_folder import ServingFolder, State


@pytest.fixture
def folder(tmp_path: Path) -> ServingFolder:
    return ServingFolder(tmp_path / "run" / "serving")


def of_this_process() -> State:
    return State("http://127.0.0.1:1", os.getpid(), psutil.Process().create_time(), ("a", "b"))


def test_models_lie_where_the_platform_puts_them(folder: ServingFolder, tmp_path: Path) -> None:
    (tmp_path / "insects").mkdir()
    model = Model("insects", tmp_path / "insects")
    assert folder.fill([model], multi=False) == {"model": tmp_path / "insects"}
    assert (folder.root / "model").resolve() == tmp_path / "insects"
    assert list(folder.fill([model], multi=True)) == ["models/insects/model"]
    assert (folder.root / "models" / "insects" / "model").resolve() == tmp_path / "insects"
    assert not (folder.root / "model").exists()


def test_what_was_started_is_remembered_while_it_runs(folder: ServingFolder) -> None:
    assert folder.running() is None
    folder.fill([], multi=True)
    state = of_this_process()
    folder.note(state)
    assert folder.running() == state


def test_a_process_that_was_given_the_same_number_is_another_one(folder: ServingFolder) -> None:
    folder.fill([], multi=True)
    folder.note(replace(of_this_process(), started_s=time.time() - 1e6))
    assert folder.running() is None


def test_a_process_that_ended_and_was_not_waited_for_does_not_run() -> None:
    child = subprocess.Popen(["sleep", "1000"])
    state = State("", child.pid, psutil.Process(child.pid).create_time())
    seen = [state.is_alive]
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    seen.append(state.is_alive)
    child.wait()
    seen.append(state.is_alive)
    assert seen == [True, False, False]
