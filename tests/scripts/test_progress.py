import os
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.progress import LogTail, Steps, status_is_over, watch
from tests.local_test.cloud.servers import CloudServer
from tests.scripts.launching import SCRIPTS
from tests.scripts.test_train import SLEEPS, start, until

GROUP = "/aws/sagemaker/TrainingJobs"


def tell(server: CloudServer, stream: str, *messages: str) -> None:
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": text} for n, text in enumerate(messages)]
    logs = server.client("logs")
    if not _streams(server, stream):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def _streams(server: CloudServer, stream: str) -> list[Any]:
    logs = server.client("logs")
    if GROUP not in str(logs.describe_log_groups()):
        logs.create_log_group(logGroupName=GROUP)
    found: list[Any] = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=stream)[
        "logStreams"
    ]
    return found


def test_every_line_of_every_host_is_told_once_however_late_it_comes(
    cloud_server: CloudServer,
) -> None:
    tail = LogTail(cloud_server.client("logs"), GROUP, "a-job/")
    assert list(tail.read()) == []
    tell(cloud_server, "a-job/algo-1-1700000000", "one", "two")
    tell(cloud_server, "another-job/algo-1-1700000000", "not mine")
    assert list(tail.read()) == [("algo-1", "one"), ("algo-1", "two")]
    tell(cloud_server, "a-job/algo-1-1700000000", "three")
    tell(cloud_server, "a-job/algo-2-1700000001", "else")
    assert list(tail.read()) == [("algo-1", "three"), ("algo-2", "else")]
    assert list(tail.read()) == []


def test_each_step_of_a_job_is_told_once() -> None:
    said: list[str] = []
    steps = Steps(said.append)
    began = datetime(2026, 11, 21, 14, 5, 9, tzinfo=UTC)
    first = {"Status": "Starting", "StartTime": began, "StatusMessage": "Starting the job"}
    second = {"Status": "Training", "StartTime": began}
    steps({"SecondaryStatusTransitions": [first]})
    steps({"SecondaryStatusTransitions": [first, second]})
    assert said == ["[14:05:09] Starting: Starting the job", "[14:05:09] Training"]


def test_watching_ends_with_the_description_that_is_over() -> None:
    described = iter([{"S": "InProgress"}, {"S": "InProgress"}, {"S": "Failed"}])
    seen: list[Any] = []
    paused: list[float] = []
    last = watch(
        lambda: next(described), status_is_over("S"), seen.append, 3.0, pause=paused.append
    )
    assert last == seen[-1] == {"S": "Failed"}
    assert paused == [3.0, 3.0]


def test_ctrl_c_leaves_the_job_running_and_says_how_to_stop_it(
    cloud_server: CloudServer, tmp_path: Path
) -> None:
    name = start(cloud_server, "it-goes-on", SLEEPS)
    until(cloud_server, name, "Training")
    environment = {
        **os.environ,
        **cloud_server.environment,
        "IMAGECLF_LAUNCH_STATE": str(tmp_path),
        "PYTHONUNBUFFERED": "1",
    }
    # Who starts the tests in the background has them ignore Ctrl-C.
    watching = subprocess.Popen(
        ["env", "--default-signal=INT", SCRIPTS / "train.sh", "--follow", name],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with watching:
        assert watching.stdout is not None
        while "validation:top1" not in (line := watching.stdout.readline()):
            assert line, "the watching ended by itself"
        watching.send_signal(signal.SIGINT)
        said, fault = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert f"Stop it:               scripts/train.sh --stop {name}" in said
    assert "Traceback" not in fault
    client = cloud_server.client("sagemaker")
    assert client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
    client.stop_training_job(TrainingJobName=name)
    until(cloud_server, name, "Stopped")
