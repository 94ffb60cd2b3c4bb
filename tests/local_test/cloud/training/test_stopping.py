"""Jobs that end before their program does: stopped, out of time, taken away, left alone."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from local_test.cloud.machines.identity import identity, is_alive
from tests.local_test.cloud.servers import running_cloud
from tests.local_test.cloud.training.jobs import PATIENCE_S, Jobs, history, spot

OBEDIENT = (
    "trap 'echo done > /opt/ml/model/done; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
)
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
COUNTING = """
trap 'exit 143' TERM
cd /opt/ml/checkpoints
echo "found $(cat count 2>/dev/null)"
while :; do
  n=$(( $(cat count 2>/dev/null || echo 0) + 1 )); echo $n > new; mv new count
  if [ "$n" -ge "$MOST" ]; then cp count /opt/ml/model; exit 0; fi
  sleep 0.1
done
"""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    root = tmp_path_factory.mktemp("cloud") / "root"
    with running_cloud(root, slots=2, stop_grace_s=0.5, spot="after=1") as server:
        yield Jobs(server)


def runner(jobs: Jobs, name: str) -> int:
    job = jobs.server.cloud.store.find("training-job", name)
    assert job is not None
    return int(job["_runner"]["pid"])


def stop(jobs: Jobs, name: str) -> None:
    jobs.client.stop_training_job(TrainingJobName=name)


def test_a_stopped_job_may_save_its_model(jobs: Jobs) -> None:
    jobs.start("obedient", OBEDIENT)
    jobs.says("obedient", "ready")
    stop(jobs, "obedient")
    assert jobs.describe("obedient")["TrainingJobStatus"] in {"Stopping", "Stopped"}
    job = jobs.over("obedient")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert history(job) == ["Starting", "Training", "Stopping", "Stopped"]
    assert jobs.unpacked(job) == {"done": b"done\n"}


def test_a_job_that_ignores_the_signal_is_killed_after_the_grace(jobs: Jobs) -> None:
    jobs.start("deaf", DEAF)
    jobs.says("deaf", "ready")
    stop(jobs, "deaf")
    assert jobs.over("deaf")["TrainingJobStatus"] == "Stopped"


def test_a_job_that_runs_too_long_is_stopped_and_keeps_its_model(jobs: Jobs) -> None:
    job = jobs.run("long", OBEDIENT, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert jobs.unpacked(job) == {"done": b"done\n"}


def test_jobs_wait_for_a_slot_and_can_be_stopped_while_they_wait(jobs: Jobs) -> None:
    jobs.start("holds", OBEDIENT, hosts=2)
    jobs.says("holds", "ready")
    jobs.start("waits")
    jobs.when("waits", lambda job: job["SecondaryStatus"] == "Pending")
    jobs.start("given-up")
    jobs.when("given-up", lambda job: job["SecondaryStatus"] == "Pending")
    stop(jobs, "given-up")
    given_up = jobs.over("given-up")
    assert history(given_up) == ["Starting", "Pending", "Stopping", "Stopped"]
    assert "TrainingStartTime" not in given_up
    stop(jobs, "holds")
    assert history(jobs.over("waits"))[:3] == ["Starting", "Pending", "Starting"]


def test_checkpoints_go_to_s3_and_come_back(jobs: Jobs) -> None:
    address = {"CheckpointConfig": {"S3Uri": "s3://a-bucket/kept"}}
    jobs.put("kept/old", b"from before")
    script = """
    cat /opt/ml/checkpoints/old; cd /opt/ml/checkpoints; rm old; ln -s /etc/passwd link
    mkdir deep; echo new > deep/new; echo ready; until [ -e /opt/ml/go ]; do sleep 0.1; done
    echo last > last
    """
    jobs.start("keeps", script, **address)
    jobs.says("keeps", "ready")
    assert "from before" in jobs.log("keeps")
    deadline = time.monotonic() + PATIENCE_S
    while jobs.keys("kept/") != ["deep/new"]:
        assert time.monotonic() < deadline, jobs.keys("kept/")
        time.sleep(0.1)
    (folder,) = jobs.server.cloud.store.folder("training-job", "keeps").glob("*/ml")
    (folder / "go").touch()
    assert jobs.over("keeps")["TrainingJobStatus"] == "Completed"
    assert jobs.keys("kept/") == ["deep/new", "last"]


def test_an_interrupted_spot_job_goes_on_from_its_checkpoints(jobs: Jobs) -> None:
    job = jobs.run(
        "spot",
        COUNTING,
        Environment={"MOST": "16"},
        CheckpointConfig={"S3Uri": "s3://a-bucket/spot-checkpoints"},
        **spot(),
    )
    assert job["TrainingJobStatus"] == "Completed"
    assert history(job) == [
        *("Starting", "Training", "Interrupted"),
        *("Starting", "Training", "Uploading", "Completed"),
    ]
    first, second = [line for line in jobs.log("spot").splitlines() if "found" in line]
    assert first == "found "
    assert int(second.split()[1]) >= 1
    assert jobs.unpacked(job) == {"count": b"16\n"}
    assert 1 <= job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]


def test_a_spot_job_is_interrupted_on_demand(jobs: Jobs) -> None:
    script = (
        "[ -e /opt/ml/checkpoints/been ] && exit 0; touch /opt/ml/checkpoints/been; exec sleep 600"
    )
    jobs.start("demand", script, CheckpointConfig={"S3Uri": "s3://a-bucket/demand"}, **spot())
    jobs.when("demand", lambda job: job["SecondaryStatus"] == "Training")
    jobs.server.cloud.store.change(
        "training-job", "demand", lambda job: job.update(_interrupt=True)
    )
    assert history(jobs.over("demand")).count("Interrupted") == 1


def test_a_spot_job_waits_no_longer_than_it_may(jobs: Jobs) -> None:
    job = jobs.run("impatient", OBEDIENT, **spot(wait_s=1, run_s=1))
    assert job["TrainingJobStatus"] == "Stopped"
    assert job["SecondaryStatus"] in {"MaxWaitTimeExceeded", "MaxRuntimeExceeded"}


def test_a_job_whose_runner_is_killed_is_failed_and_leaves_nothing_running(jobs: Jobs) -> None:
    jobs.start("orphan", "setsid sleep 600 & echo pid=$!; exec sleep 600")
    jobs.says("orphan", "pid=")
    child = identity(int(jobs.log("orphan").split("pid=")[1].split()[0]))
    os.kill(runner(jobs, "orphan"), signal.SIGKILL)
    job = jobs.over("orphan")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: The process that saw to this job")
    assert not is_alive(child)


def test_jobs_go_on_when_the_endpoint_is_killed_and_lost_ones_are_marked(jobs: Jobs) -> None:
    jobs.start("survivor", "echo ready; until [ -e /opt/ml/go ]; do sleep 0.1; done")
    jobs.start("lost", "echo ready; exec sleep 600")
    jobs.says("survivor", "ready")
    jobs.says("lost", "ready")
    before = runner(jobs, "survivor")
    jobs.server.kill()
    os.kill(runner(jobs, "lost"), signal.SIGKILL)
    jobs.server.start()
    marked = jobs.server.cloud.store.find("training-job", "lost")
    assert marked is not None
    assert marked["TrainingJobStatus"] == "Failed", "before anybody asked"
    assert jobs.describe("survivor")["SecondaryStatus"] == "Training"
    (folder,) = jobs.server.cloud.store.folder("training-job", "survivor").glob("*/ml")
    (folder / "go").touch()
    assert jobs.over("survivor")["TrainingJobStatus"] == "Completed"
    assert runner(jobs, "survivor") == before


def test_an_orderly_end_of_the_endpoint_stops_the_jobs(jobs: Jobs) -> None:
    jobs.start("last", OBEDIENT)
    jobs.says("last", "ready")
    jobs.server.restart()
    job = jobs.describe("last")
    assert job["TrainingJobStatus"] == "Stopped"
    assert jobs.unpacked(job) == {"done": b"done\n"}
