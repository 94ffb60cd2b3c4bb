"""Instances as processes: what they see, and how they end."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from imageclf.machine import cores
from local_test.cloud import machines
from local_test.cloud.machines import process
from local_test.cloud.machines.identity import identity, is_alive
from local_test.cloud.settings import CloudSettings
from tests.local_test.cloud.machines.containers import PATIENCE_S, ended, shell, until_written


@pytest.fixture
def settings(tmp_path: Path) -> CloudSettings:
    return CloudSettings(root=tmp_path, runner="process")


needs_enclosure = pytest.mark.skipif(
    not process.is_enclosed(), reason="this system lets no process have a view of its own"
)


@needs_enclosure
def test_each_instance_has_an_opt_ml_of_its_own(settings: CloudSettings, tmp_path: Path) -> None:
    script = 'echo "$WHO" > /opt/ml/who; until [ "$(ls /opt/ml)" = who ]; do sleep 0.01; done'
    both = [shell(tmp_path / who, script, environment={"WHO": who}) for who in ("one", "two")]
    assert [ended(one) for one in [machines.start(settings, one) for one in both]] == [0, 0]
    assert [(one.ml / "who").read_text() for one in both] == ["one\n", "two\n"]
    assert not Path("/opt/ml/who").exists()


@needs_enclosure
def test_read_only_parts_cannot_be_written_to(settings: CloudSettings, tmp_path: Path) -> None:
    container = shell(tmp_path / "one", "touch /opt/ml/a/x && touch /opt/ml/b/x", read_only=("b",))
    (container.ml / "a").mkdir()
    (container.ml / "b").mkdir()
    assert ended(machines.start(settings, container)) == 1
    assert (container.ml / "a" / "x").exists()
    assert not (container.ml / "b" / "x").exists()


def test_jobs_share_the_cores_unless_a_request_says_otherwise(
    settings: CloudSettings, tmp_path: Path
) -> None:
    shared = replace(settings, slots=2 * cores())
    told = shell(tmp_path / "told", "echo $OMP_NUM_THREADS", environment={"OMP_NUM_THREADS": "7"})
    untold = shell(tmp_path / "untold", "echo $OMP_NUM_THREADS")
    assert [ended(machines.start(shared, one)) for one in (told, untold)] == [0, 0]
    assert [one.log.read_text() for one in (told, untold)] == ["7\n", "1\n"]


@needs_enclosure
def test_the_names_of_all_hosts_resolve(settings: CloudSettings, tmp_path: Path) -> None:
    hosts = ("algo-1", "algo-2")
    container = shell(tmp_path / "one", "getent hosts algo-2", host="algo-1", hosts=hosts)
    assert ended(machines.start(settings, container)) == 0
    assert container.log.read_text().split() == ["127.0.0.1", "algo-2"]


def test_without_a_view_of_its_own_a_job_is_told_where_its_folder_is(
    settings: CloudSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "is_enclosed", lambda: False)
    container = shell(tmp_path / "one", 'touch "$SAGEMAKER_BASE_DIR/seen"')
    assert ended(machines.start(settings, container)) == 0
    assert (container.ml / "seen").exists()


def test_the_users_account_does_not_reach_a_job(
    settings: CloudSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "LOCAL_CLOUD_ROOT", "SM_MODEL_DIR"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    container = shell(tmp_path / "one", "env", environment={"ASKED": "for"})
    ended(machines.start(settings, container))
    lines = container.log.read_text().splitlines()
    assert not [line for line in lines if line.endswith("=mine")]
    assert {"ASKED=for", f"AWS_ENDPOINT_URL={settings.address}"} <= set(lines)


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_the_exit_code_is_the_programs(
    settings: CloudSettings, tmp_path: Path, script: str, code: int
) -> None:
    assert ended(machines.start(settings, shell(tmp_path / "one", script))) == code


def test_a_program_that_is_not_there_is_named_in_the_log(
    settings: CloudSettings, tmp_path: Path
) -> None:
    container = shell(tmp_path / "one", "", entrypoint=("no-such-program",))
    assert ended(machines.start(settings, container)) == 127
    assert container.log.read_text() == "no-such-program: there is no such program.\n"


def test_sigterm_reaches_the_program_itself(settings: CloudSettings, tmp_path: Path) -> None:
    container = shell(tmp_path / "one", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done")
    instance = machines.start(settings, container)
    until_written(container.log)
    assert instance.send("TERM")
    assert ended(instance) == 5
    assert not instance.send("TERM")


def test_killing_an_instance_ends_all_that_it_started(
    settings: CloudSettings, tmp_path: Path
) -> None:
    container = shell(tmp_path / "one", "setsid sleep 600 & echo $!; exec sleep 600")
    instance = machines.start(settings, container)
    child = identity(int(until_written(container.log)))
    assert is_alive(child)
    instance.send("KILL")
    assert ended(instance) == 137
    assert not is_alive(child)


def test_a_later_process_finds_the_instance_again(settings: CloudSettings, tmp_path: Path) -> None:
    first = machines.start(settings, shell(tmp_path / "one", "exec sleep 600"))
    found = machines.adopt(settings, first.handle)
    assert found is not None
    assert found.exit_code() is None
    assert found.send("KILL")
    ended(first)
    assert found.exit_code() == 255, "whose child it was not, cannot know"
    assert machines.adopt(settings, first.handle) is None


def test_another_process_of_the_same_number_is_not_taken_for_it(settings: CloudSettings) -> None:
    mine = identity(os.getpid())
    assert machines.adopt(settings, {"kind": "process", "mark": "", **mine}) is not None
    earlier = {**mine, "started": mine["started"] - 100}
    assert machines.adopt(settings, {"kind": "process", "mark": "", **earlier}) is None


def test_a_process_that_has_ended_and_was_not_waited_for_is_not_alive() -> None:
    pid = os.posix_spawnp("true", ["true"], os.environ)
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(identity(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.waitpid(pid, 0)
