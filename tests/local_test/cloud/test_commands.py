"""The commands as a user types them, in processes of their own."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_test.cloud.holder import holder
from local_test.cloud.store import Store

SCRIPT = Path(__file__).parents[3] / "local_test" / "cloud.sh"


def cloud(root: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    own = {"LOCAL_CLOUD_ROOT": str(root), "LOCAL_CLOUD_PORT": "0"} | settings
    return subprocess.run(
        [str(SCRIPT), *arguments],
        cwd=root.parent,
        env=os.environ | own | {"AWS_PROFILE": "work"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root, whose name has a blank, of an endpoint that `start` has started."""
    root = tmp_path_factory.mktemp("commands") / "the root"
    done = cloud(root, "start")
    assert done.returncode == 0, done.stderr
    assert "The local cloud answers at http://127.0.0.1:" in done.stdout
    assert "stops it, with all that runs in it" in done.stdout
    yield root
    cloud(root, "stop")


def test_a_shell_that_evaluates_env_speaks_to_the_endpoint(root: Path) -> None:
    said = cloud(root, "env").stdout
    asks = (
        "import boto3, os; print(boto3.client('sts').get_caller_identity()['Account'],"
        "os.environ.get('AWS_PROFILE'), os.environ['SAGEMAKER_USER_CONFIG_OVERRIDE'])"
    )
    done = subprocess.run(
        ["sh", "-c", f'{said}\nexec "{SCRIPT.parents[1]}/.venv/bin/python" -c "{asks}"'],
        env={"PATH": os.environ["PATH"], "AWS_PROFILE": "work"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"123456789012 None {root}/sagemaker.yaml\n"


def test_start_says_so_when_one_runs_already(root: Path) -> None:
    before = holder(root)
    done = cloud(root, "start")
    assert done.returncode == 0
    assert "A local cloud runs already" in done.stdout
    assert holder(root) == before


def test_status_names_what_runs_and_not_what_is_over(root: Path) -> None:
    store = Store(root)
    for name, status in (("live", "InProgress"), ("over", "Completed")):
        document = {"TrainingJobName": name, "TrainingJobStatus": status}
        store.create("training-job", name, document)
    done = cloud(root, "status")
    for name in ("live", "over"):
        store.delete("training-job", name)
    assert done.returncode == 0
    assert "training job live: InProgress" in done.stdout
    assert "over" not in done.stdout


def test_only_a_spot_job_in_progress_can_be_interrupted(root: Path) -> None:
    store = Store(root)
    jobs: dict[str, dict[str, object]] = {
        "spot": {"TrainingJobStatus": "InProgress", "EnableManagedSpotTraining": True},
        "demand": {"TrainingJobStatus": "InProgress"},
        "over": {"TrainingJobStatus": "Stopped", "EnableManagedSpotTraining": True},
    }
    for name, document in jobs.items():
        store.create("training-job", name, document | {"TrainingJobName": name})
    done = {name: cloud(root, "interrupt", name) for name in (*jobs, "none")}
    interrupted = store.find("training-job", "spot")
    for name in jobs:
        store.delete("training-job", name)
    assert done["spot"].returncode == 0
    assert interrupted is not None
    assert interrupted["_interrupt"]
    assert done["demand"].stderr.startswith("demand is no spot job")
    assert done["over"].stderr.startswith("over is Stopped; only a job in progress")
    assert done["none"].stderr == "There is no training job none.\n"


def test_a_port_that_is_taken_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = cloud(tmp_path / "root", "start", LOCAL_CLOUD_PORT=port)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Port {port} of 127.0.0.1 cannot be used")
    assert done.stderr.count("\n") == 1


def test_a_schedule_of_interruptions_that_cannot_be_read_is_said_at_the_start(
    tmp_path: Path,
) -> None:
    done = cloud(tmp_path / "root", "serve", LOCAL_CLOUD_SPOT="often")
    assert done.returncode == 2
    assert done.stderr.startswith("LOCAL_CLOUD_SPOT is 'often'; write after=20")


def test_a_state_that_is_damaged_is_said_in_one_sentence(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "state.sqlite").write_text("This is no database, but a text of some length. " * 99)
    done = cloud(root, "serve")
    assert done.returncode == 2
    assert done.stderr.startswith(f"What lies in {root} cannot be opened (file is not a database)")


def test_a_root_that_cannot_be_made_is_said_in_one_sentence() -> None:
    done = subprocess.run(
        [str(SCRIPT), "start"],
        env=os.environ | {"LOCAL_CLOUD_ROOT": "/proc/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("/proc/nowhere cannot be written to")


def test_nothing_is_left_after_stop(tmp_path: Path) -> None:
    root = tmp_path / "root"
    assert cloud(root, "start").returncode == 0
    found = holder(root)
    assert found is not None
    done = cloud(root, "stop")
    assert done.stdout == f"Stopped the local cloud that answered at {found.address}.\n"
    assert not is_running(found.pid)
    assert cloud(root, "stop").stdout == "No local cloud runs.\n"
    assert cloud(root, "status").returncode == 3
    assert cloud(root, "env").stderr.endswith("start it with `make local-cloud`.\n")
