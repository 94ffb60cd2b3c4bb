"""The image trains as SageMaker starts it: on a mounted /opt/ml, without network."""

import json
import os

import pytest

from imageclf import contract, metrics
from tests.image.container import Job, docker

pytestmark = pytest.mark.image

CALLER = ("--user", f"{os.getuid()}:{os.getgid()}")  # root's files would outlive the test


def test_it_trains_and_leaves_model_and_report(job: Job) -> None:
    assert job.prepare().run(*CALLER) == 0, job.log()
    job.assert_trained()
    lines = [metrics.read(line) for line in job.log().splitlines()]
    epochs = [line["epoch"] for line in lines if metrics.VALIDATION_TOP1.name in line]
    assert epochs[:2] == [1, 2]


def test_stopped_it_keeps_a_checkpoint_and_started_again_it_resumes(job: Job) -> None:
    job.prepare(epochs="8").remove()
    job.start(*CALLER)
    job.await_log(lambda log: any(metrics.EPOCH.read(line) == 1 for line in log.splitlines()))
    # `docker stop` sends SIGTERM, and SIGKILL (exit code 137) when the patience is over.
    docker("stop", "--time", str(contract.STOP_GRACE_S), job.name)
    assert job.wait() == 143, job.log()
    assert any((job.root / "checkpoints").iterdir())
    assert job.run(*CALLER) == 0, job.log()
    assert "resumed from" in job.log()
    job.assert_trained()


def test_an_unknown_hyperparameter_ends_it_with_the_nearest_name(job: Job) -> None:
    assert job.prepare(epoch="3").run(*CALLER) not in {0, 137}, job.log()
    assert job.failure().startswith("Hyperparameter epoch is not known; did you mean epochs?")


def test_missing_data_end_it_with_a_sentence(job: Job) -> None:
    assert job.prepare(data=False).run(*CALLER) not in {0, 137}, job.log()
    first = job.failure().splitlines()[0]
    assert "/opt/ml/input/data" in first
    assert "Traceback" not in first


def test_any_user_trains_on_a_read_only_root_and_owns_the_result(job: Job) -> None:
    user = os.getuid() or 1000
    job.prepare(debug="standard", debug_interval="2")
    if os.getuid() == 0:
        for path in (job.root, *job.root.rglob("*")):
            os.chown(path, user, user)
    options = ("--user", f"{user}:{user}", "--read-only", "--tmpfs", "/tmp")  # noqa: S108
    assert job.run(*options) == 0, job.log()
    job.assert_trained()
    assert {path.stat().st_uid for path in job.root.rglob("*")} == {user}
    statuses = json.loads((job.root / "output/data/rule_status.json").read_bytes())
    assert {one["RuleEvaluationStatus"] for one in statuses} <= {"NoIssuesFound", "IssuesFound"}
    assert (job.root / "output/data/debug-report.html").is_file()


def test_the_toolkits_own_train_command_does_the_same(job: Job) -> None:
    assert job.prepare().run(*CALLER, "--entrypoint", "train", arguments=()) == 0, job.log()
    job.assert_trained()


def test_the_toolkits_own_train_command_fails_with_the_cause_too(job: Job) -> None:
    job.prepare(lr="fast")
    assert job.run(*CALLER, "--entrypoint", "train", arguments=()) not in {0, 137}, job.log()
    assert job.failure().startswith("Hyperparameter lr is 'fast'")
