"""Processing jobs, as a client sees them: real requests, real processes, tiny programs."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from local_test.cloud.machines.runners import start_runner
from tests.local_test.cloud.servers import PATIENCE_S, CloudServer

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1"
ROLE = "arn:aws:iam::123456789012:role/imageclf"


Create = Callable[..., None]
"""Makes a job of this name that runs this shell script; the rest are fields of the request."""


@pytest.fixture(scope="module")
def sagemaker(cloud_server: CloudServer) -> Any:
    cloud_server.client("s3").create_bucket(Bucket="work")
    for name in ("a.txt", "b/c.txt"):
        cloud_server.client("s3").put_object(Bucket="work", Key=f"in/{name}", Body=name.encode())
    return cloud_server.client("sagemaker")


@pytest.fixture
def create(sagemaker: Any, cloud_server: CloudServer) -> Create:
    def made(name: str, script: str, **more: Any) -> None:
        key = f"code/{name}/run.sh"
        cloud_server.client("s3").put_object(Bucket="work", Key=key, Body=script.encode())
        code = s3_input("code", "/opt/ml/processing/code", S3Uri=f"s3://work/{key}")
        inputs = [code, *more.pop("ProcessingInputs", [])]
        _create(sagemaker, name, ProcessingInputs=inputs, **more)

    return made


def _create(sagemaker: Any, name: str, **more: Any) -> None:
    """A job that runs a shell script, which comes with its inputs."""
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    request: dict[str, Any] = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "ProcessingResources": {"ClusterConfig": cluster | more.pop("cluster", {})},
        "AppSpecification": {
            "ImageUri": more.pop("image", IMAGE),
            "ContainerEntrypoint": ["sh", "/opt/ml/processing/code/run.sh"],
        },
    }
    sagemaker.create_processing_job(**request | more)


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        job: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        if job["ProcessingJobStatus"] not in {"InProgress", "Stopping"}:
            return job
        time.sleep(0.1)
    raise AssertionError(f"{name} did not end: {job}")


def started(sagemaker: Any, name: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if "ProcessingStartTime" in sagemaker.describe_processing_job(ProcessingJobName=name):
            return
        time.sleep(0.05)
    raise AssertionError(f"{name} did not start")


def first_line(server: CloudServer, name: str) -> str:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        for one in server.cloud.logs.since(0):
            if one.stream.startswith(f"{name}/"):
                return one.message
        time.sleep(0.05)
    raise AssertionError(f"{name} said nothing")


def s3_input(name: str, path: str, **more: str) -> dict[str, Any]:
    source = {"S3Uri": "s3://work/in", "LocalPath": path, "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": source | {"S3InputMode": "File"} | more}


def s3_output(address: str, path: str, mode: str = "EndOfJob") -> dict[str, Any]:
    target = {"S3Uri": address, "LocalPath": path, "S3UploadMode": mode}
    return {"Outputs": [{"OutputName": "out", "S3Output": target}]}


def text(server: CloudServer, key: str) -> str:
    body: bytes = server.client("s3").get_object(Bucket="work", Key=key)["Body"].read()
    return body.decode()


def keys(server: CloudServer, prefix: str) -> list[str]:
    found = server.client("s3").list_objects_v2(Bucket="work", Prefix=prefix)
    return [one["Key"] for one in found.get("Contents", [])]


def test_a_job_reads_its_inputs_and_its_outputs_come_to_s3(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    script = (
        "cat /opt/ml/config/processingjobconfig.json > /opt/ml/processing/out/config.json;"
        "cat /opt/ml/config/resourceconfig.json > /opt/ml/processing/out/resources.json;"
        "cd /opt/ml/processing/in && find . -type f | sort > ../out/deep-er.txt;"
        "mkdir ../out/sub; echo $COLOUR > ../out/sub/colour; ln -s /etc/passwd ../out/link;"
        "echo seen; echo fine > /opt/ml/output/message"
    )
    create(
        "reads",
        script,
        ProcessingInputs=[s3_input("in", "/opt/ml/processing/in")],
        ProcessingOutputConfig=s3_output("s3://work/out/reads", "/opt/ml/processing/out"),
        Environment={"COLOUR": "red"},
        Tags=[{"Key": "owner", "Value": "me"}],
    )
    job = ended(sagemaker, "reads")
    assert job["ProcessingJobStatus"] == "Completed", job
    assert job["ExitMessage"] == "fine\n"
    assert job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert keys(cloud_server, "out/reads/") == [
        f"out/reads/{name}"
        for name in ("config.json", "deep-er.txt", "resources.json", "sub/colour")
    ]
    assert text(cloud_server, "out/reads/deep-er.txt") == "./a.txt\n./b/c.txt\n"
    assert text(cloud_server, "out/reads/sub/colour") == "red\n"
    assert '"ProcessingJobName": "reads"' in text(cloud_server, "out/reads/config.json")
    assert '"current_host": "algo-1"' in text(cloud_server, "out/reads/resources.json")
    tags = sagemaker.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "owner", "Value": "me"}]
    events = [one for one in cloud_server.cloud.logs.since(0) if one.stream.startswith("reads/")]
    assert [(one.group, one.message) for one in events] == [
        ("/aws/sagemaker/ProcessingJobs", "seen")
    ]


def test_a_program_that_fails_fails_the_job_and_leaves_no_output(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    create(
        "fails",
        "echo half > /opt/ml/processing/out/a; echo no good > /opt/ml/output/message; exit 3",
        ProcessingOutputConfig=s3_output("s3://work/out/fails", "/opt/ml/processing/out"),
    )
    job = ended(sagemaker, "fails")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError")
    assert "exit code: 3" in job["FailureReason"]
    assert job["ExitMessage"] == "no good\n"
    assert keys(cloud_server, "out/fails") == []


def test_two_instances_share_a_sharded_input(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    create(
        "shares",
        "n=$(grep -o 'current_host[^,]*' /opt/ml/config/resourceconfig.json | cut -d'\"' -f3);"
        "cd /opt/ml/processing/in; find . -type f > ../out/$n",
        cluster={"InstanceCount": 2},
        ProcessingInputs=[
            s3_input("in", "/opt/ml/processing/in", S3DataDistributionType="ShardedByS3Key")
        ],
        ProcessingOutputConfig=s3_output("s3://work/out/shares", "/opt/ml/processing/out"),
    )
    assert ended(sagemaker, "shares")["ProcessingJobStatus"] == "Completed"
    parts = {text(cloud_server, key) for key in keys(cloud_server, "out/shares/")}
    assert parts == {"./a.txt\n", "./b/c.txt\n"}


def test_continuous_output_is_there_before_the_job_ends_and_a_stop_lets_it_finish(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    create(
        "streams",
        "trap 'echo stopped > /opt/ml/processing/out/last; exit 0' TERM;"
        "echo first > /opt/ml/processing/out/first; while :; do sleep 0.1; done",
        ProcessingOutputConfig=s3_output(
            "s3://work/out/streams", "/opt/ml/processing/out", "Continuous"
        ),
    )
    deadline_s = time.monotonic() + PATIENCE_S
    while not keys(cloud_server, "out/streams/") and time.monotonic() < deadline_s:
        time.sleep(0.1)
    assert text(cloud_server, "out/streams/first") == "first\n"
    sagemaker.stop_processing_job(ProcessingJobName="streams")
    assert ended(sagemaker, "streams")["ProcessingJobStatus"] == "Stopped"
    assert text(cloud_server, "out/streams/last") == "stopped\n"
    with pytest.raises(ClientError, match="is in status Stopped"):
        sagemaker.stop_processing_job(ProcessingJobName="streams")


def test_a_job_that_runs_too_long_is_stopped(create: Create, sagemaker: Any) -> None:
    create("slow", "exec sleep 600", StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = ended(sagemaker, "slow")
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "longer than 1 s" in job["FailureReason"]


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        (
            "no-input",
            {"ProcessingInputs": [s3_input("in", "/opt/ml/processing/in", S3Uri="s3://work/none")]},
            "No S3 objects found under S3 URL",
        ),
        ("no-image", {"image": "python:3.11"}, "python:3.11"),
        (
            "no-bucket",
            {
                "ProcessingOutputConfig": s3_output("s3://nowhere/out", "/opt/ml/processing/out"),
            },
            "the bucket nowhere does not exist",
        ),
    ],
)
def test_what_a_job_needs_and_is_not_there_is_its_failure_reason(
    create: Create, sagemaker: Any, name: str, more: dict[str, Any], reason: str
) -> None:
    create(name, "touch /opt/ml/processing/out/a", **more)
    job = ended(sagemaker, name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


def test_a_key_that_leads_out_of_the_folder_fails_the_job(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    cloud_server.cloud.objects.put("work", "bad/../../../x", b"1")
    source = s3_input("in", "/opt/ml/processing/in", S3Uri="s3://work/bad/")
    create("leads-out", "true", ProcessingInputs=[source])
    job = ended(sagemaker, "leads-out")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "leads out of the" in job["FailureReason"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"ProcessingInputs": [s3_input("in", "/etc")]}, "must begin with /opt/ml/processing/"),
        (
            {"ProcessingInputs": [s3_input("in", "/opt/ml/processing/../../x")]},
            "must begin with /opt/ml/processing/",
        ),
        (
            {"ProcessingInputs": [s3_input("in", "/opt/ml/processing/in", S3InputMode="Pipe")]},
            "does not do this",
        ),
        ({"cluster": {"InstanceCount": 50}}, "service limit"),
    ],
)
def test_a_request_that_cannot_be_done_is_refused(
    create: Create, sagemaker: Any, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        create("refused", "true", **more)


def test_jobs_are_listed_and_names_are_unique_and_freed_by_a_delete(
    create: Create, sagemaker: Any
) -> None:
    create("again", "true")
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        create("again", "true")
    ended(sagemaker, "again")
    listed = sagemaker.list_processing_jobs(NameContains="again", StatusEquals="Completed")
    assert [one["ProcessingJobName"] for one in listed["ProcessingJobSummaries"]] == ["again"]
    sagemaker.delete_processing_job(ProcessingJobName="again")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_processing_job(ProcessingJobName="again")
    create("again", "true")
    assert ended(sagemaker, "again")["ProcessingJobStatus"] == "Completed"


def test_a_job_has_one_runner_even_when_a_second_one_is_started(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    create("once", "echo began; sleep 1")
    started(sagemaker, "once")
    start_runner(cloud_server.cloud, "local_test.cloud.processing", "once")
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.delete_processing_job(ProcessingJobName="once")
    assert ended(sagemaker, "once")["ProcessingJobStatus"] == "Completed"
    events = [one for one in cloud_server.cloud.logs.since(0) if one.stream.startswith("once/")]
    assert [one.message for one in events] == ["began"]


def test_a_job_whose_runner_was_never_started_is_begun_after_a_restart(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    create("forgotten", "echo began")
    ended(sagemaker, "forgotten")
    cloud_server.kill()

    def forget(job: dict[str, Any]) -> None:
        job["ProcessingJobStatus"] = "InProgress"
        for field in ("_runner", "_claimed", "ProcessingEndTime", "ProcessingStartTime"):
            del job[field]

    cloud_server.cloud.store.change("processing-job", "forgotten", forget)
    cloud_server.start()
    assert ended(sagemaker, "forgotten")["ProcessingJobStatus"] == "Completed"


def test_a_job_goes_on_when_the_endpoint_is_killed_and_a_dead_runner_is_noticed(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    create("survives", "sleep 2")
    create("orphan", "echo $$; exec sleep 600")
    pid = int(first_line(cloud_server, "orphan"))
    cloud_server.kill()
    runner = cloud_server.cloud.store.find("processing-job", "orphan")
    assert runner is not None
    os.kill(runner["_runner"]["pid"], signal.SIGKILL)
    cloud_server.start()
    assert ended(sagemaker, "survives")["ProcessingJobStatus"] == "Completed"
    job = ended(sagemaker, "orphan")
    assert job["ProcessingJobStatus"] == "Failed"
    assert "InternalServerError" in job["FailureReason"]
    deadline_s = time.monotonic() + PATIENCE_S
    while psutil.pid_exists(pid) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_an_orderly_end_of_the_endpoint_stops_its_jobs(
    create: Create, sagemaker: Any, cloud_server: CloudServer
) -> None:
    create("stops", "exec sleep 600")
    started(sagemaker, "stops")
    cloud_server.restart()
    job = sagemaker.describe_processing_job(ProcessingJobName="stops")
    assert job["ProcessingJobStatus"] == "Stopped"
