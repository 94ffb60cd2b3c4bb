"""A training job from its first status to its last, through boto3."""

import json
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

from local_test.cloud.machines.identity import identity, is_alive
from tests.local_test.cloud.training.jobs import BUCKET, LOG_GROUP, Jobs, history


def test_a_job_runs_and_leaves_its_model_and_its_output_in_s3(jobs: Jobs) -> None:
    address = jobs.put("plain/words.txt", b"some words")
    job = jobs.run(
        "plain",
        "cp /opt/ml/input/data/training/words.txt /opt/ml/model; echo why > /opt/ml/output/data/a",
        inputs={"training": address.removesuffix("words.txt")},
    )
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed"
    assert job["ModelArtifacts"] == {
        "S3ModelArtifacts": f"s3://{BUCKET}/out/plain/output/model.tar.gz"
    }
    assert jobs.unpacked(job) == {"words.txt": b"some words"}
    assert jobs.unpacked(job, "output") == {"a": b"why\n"}


def test_statuses_follow_each_other_as_aws_has_them(jobs: Jobs) -> None:
    job = jobs.run("statuses", inputs={"training": jobs.put("statuses/a")})
    steps = job["SecondaryStatusTransitions"]
    assert history(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    for step, following in pairwise(steps):
        assert step["StartTime"] <= step["EndTime"] <= following["StartTime"]
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"]
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] == 1


def test_boto3_waits_for_it_and_finds_it_in_the_list(jobs: Jobs) -> None:
    jobs.start("awaited")
    waiter = jobs.client.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName="awaited", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    listed = jobs.client.list_training_jobs(NameContains="wait", StatusEquals="Completed")
    assert [one["TrainingJobName"] for one in listed["TrainingJobSummaries"]] == ["awaited"]
    assert listed["TrainingJobSummaries"][0]["SecondaryStatus"] == "Completed"


def test_the_log_and_the_metrics_come_while_the_job_runs(jobs: Jobs) -> None:
    script = (
        "printf 'loss=0.5\\nloss=0.25\\nloss=nan\\n'; until [ -e /opt/ml/go ]; do sleep 0.1; done"
    )
    jobs.start("talks", script, metrics={"loss": "loss=([0-9.]+|nan)"})
    jobs.when("talks", lambda job: bool(job.get("FinalMetricDataList")))
    logs = jobs.server.client("logs")
    (stream,) = logs.describe_log_streams(
        logGroupName=LOG_GROUP, logStreamNamePrefix="talks/algo-1-"
    )["logStreams"]
    events = logs.get_log_events(
        logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True
    )["events"]
    assert [event["message"] for event in events] == ["loss=0.5", "loss=0.25", "loss=nan"]
    (folder,) = jobs.server.cloud.store.folder("training-job", "talks").glob("*/ml")
    (folder / "go").touch()
    (final,) = jobs.over("talks")["FinalMetricDataList"]
    assert (final["MetricName"], final["Value"]) == ("loss", 0.25)
    kept = jobs.server.cloud.store.find("training-job", "talks")
    assert kept is not None
    assert [one["value"] for one in kept["_metrics"]][:2] == [0.5, 0.25]
    drawn = [one for one in jobs.server.cloud.metrics.since(0) if one.name == "loss"]
    assert [one.value for one in drawn] == [0.5, 0.25]
    assert drawn[0].dimensions == {"TrainingJobName": "talks"}


def test_the_container_finds_what_the_platform_writes(jobs: Jobs) -> None:
    job = jobs.run(
        "told",
        "cp /opt/ml/input/config/*.json /opt/ml/model; env > /opt/ml/model/env",
        hosts=2,
        inputs={"training": jobs.put("told/a")},
        HyperParameters={"epochs": "3"},
        Environment={"MINE": "here"},
        ProfilerConfig={"DisableProfiler": True},
        DebugHookConfig={"S3OutputPath": "s3://a-bucket/tensors"},
        CheckpointConfig={"S3Uri": "s3://a-bucket/told-checkpoints"},
    )
    files = jobs.unpacked(job)
    assert json.loads(files["hyperparameters.json"]) == {"epochs": "3"}
    assert json.loads(files["inputdataconfig.json"]) == {
        "training": {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        }
    }
    resources = json.loads(files["resourceconfig.json"])
    assert resources["current_host"] == "algo-1"
    assert resources["hosts"] == resources["instance_groups"][0]["hosts"] == ["algo-1", "algo-2"]
    assert json.loads(files["debughookconfig.json"]) == {
        "S3Path": "s3://a-bucket/tensors",
        "LocalPath": "/opt/ml/output/tensors",
    }
    assert json.loads(files["profilerconfig.json"]) == {"DisableProfiler": True}
    assert json.loads(files["checkpointconfig.json"])["LocalPath"] == "/opt/ml/checkpoints"
    environment = dict(line.split("=", 1) for line in files["env"].decode().splitlines())
    assert environment["MINE"] == "here"
    assert environment["TRAINING_JOB_NAME"] == "told"
    assert environment["TRAINING_JOB_ARN"].endswith(":training-job/told")
    assert environment["AWS_ENDPOINT_URL"] == jobs.server.address
    assert not [name for name in environment if name.startswith("LOCAL_CLOUD_")]


def test_tensors_and_profiles_go_where_clients_look_for_them(jobs: Jobs) -> None:
    job = jobs.run(
        "tensors",
        "cd /opt/ml/output; mkdir tensors/0; echo 1 > tensors/0/a; echo 2 > profiler/b; "
        "echo 3 > /opt/ml/output/boards/c",
        DebugHookConfig={"S3OutputPath": "s3://a-bucket/debug"},
        ProfilerConfig={"S3OutputPath": "s3://a-bucket/debug/"},
        TensorBoardOutputConfig={
            "S3OutputPath": "s3://a-bucket/debug",
            "LocalPath": "/opt/ml/output/boards",
        },
    )
    assert job["ProfilingStatus"] == "Enabled"
    found = jobs.keys("debug/tensors/")
    assert {"debug-output/0/a", "profiler-output/b", "tensorboard-output/c"} <= {*found}
    assert all(key.startswith("profiler-output/") for key in found[1:-1]), "the platform's samples"


def test_names_are_unique_and_free_again_after_the_job_is_deleted(jobs: Jobs) -> None:
    jobs.run("once", Tags=[{"Key": "owner", "Value": "me"}])
    arn = jobs.describe("once")["TrainingJobArn"]
    with pytest.raises(ClientError, match="names must be unique") as caught:
        jobs.start("once")
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    jobs.client.delete_training_job(TrainingJobName="once")
    with pytest.raises(ClientError, match="Requested resource not found"):
        jobs.describe("once")
    assert jobs.server.cloud.store.tags(arn) == {}
    assert jobs.run("once")["TrainingJobStatus"] == "Completed"


def test_a_running_job_cannot_be_deleted_but_its_profiling_changed(jobs: Jobs) -> None:
    jobs.start("busy", "sleep 600", ProfilerConfig={"S3OutputPath": "s3://a-bucket/profiles"})
    with pytest.raises(ClientError) as caught:
        jobs.client.delete_training_job(TrainingJobName="busy")
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    jobs.client.update_training_job(
        TrainingJobName="busy", ProfilerConfig={"DisableProfiler": True}
    )
    assert jobs.describe("busy")["ProfilerConfig"] == {
        "S3OutputPath": "s3://a-bucket/profiles",
        "DisableProfiler": True,
    }
    jobs.client.stop_training_job(TrainingJobName="busy")
    jobs.over("busy")
    for change in (jobs.client.stop_training_job, jobs.client.update_training_job):
        with pytest.raises(ClientError, match="in status Stopped"):
            change(TrainingJobName="busy")


def test_what_is_not_done_is_said_in_the_log_and_in_the_status(jobs: Jobs) -> None:
    rule = {"RuleConfigurationName": "LowGPUUtilization", "RuleEvaluatorImage": "rules"}
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    job = jobs.run(
        "notes",
        ProfilerRuleConfigurations=[rule],
        ResourceConfig=resources | {"KeepAlivePeriodInSeconds": 60},
    )
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ProfilerRuleEvaluationStatuses"][0]["RuleEvaluationStatus"] == "Error"
    assert "Warm pools are not kept here" in jobs.log("notes")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "echo 'bad data' > /opt/ml/output/failure; exit 3",
            "AlgorithmError: bad data, exit code: 3",
        ),
        ("echo last words; exit 4", "AlgorithmError: last words, exit code: 4"),
        ("ln -s /etc/passwd /opt/ml/output/failure; exit 5", "AlgorithmError: , exit code: 5"),
        ("kill -9 $$", "AlgorithmError: , exit code: 137"),
    ],
)
def test_a_program_that_fails_says_why(jobs: Jobs, script: str, reason: str) -> None:
    name = f"fails-{abs(hash(script)) % 10**6}"
    job = jobs.run(name, f"echo kept > /opt/ml/output/data/kept; {script}")
    assert (job["TrainingJobStatus"], job["FailureReason"]) == ("Failed", reason)
    assert jobs.unpacked(job, "output") == {"kept": b"kept\n"}
    assert jobs.keys(f"out/{name}/output/") == ["output.tar.gz"]


def test_when_one_instance_fails_the_others_are_ended(jobs: Jobs) -> None:
    resources = "/opt/ml/input/config/resourceconfig.json"
    script = f"grep -q 'current_host.*algo-2' {resources} && exit 9; exec sleep 600"
    job = jobs.run("one-fails", script, hosts=2)
    assert job["FailureReason"] == "AlgorithmError: , exit code: 9"


def test_an_image_that_cannot_run_here_is_the_reason_of_the_failure(jobs: Jobs) -> None:
    algorithm = {"TrainingImage": "xgboost:1", "TrainingInputMode": "File"}
    job = jobs.run("stranger", AlgorithmSpecification=algorithm)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: The image xgboost:1 cannot be run")


def test_a_bucket_that_is_not_there_is_the_reason_of_the_failure(jobs: Jobs) -> None:
    job = jobs.run(
        "no-bucket", "touch /opt/ml/model/a", OutputDataConfig={"S3OutputPath": "s3://no-such/out"}
    )
    assert job["FailureReason"] == (
        "ClientError: Artifact upload failed: NoSuchBucket (404): The specified bucket does not "
        "exist."
    )


def test_a_model_can_be_left_unpacked(jobs: Jobs) -> None:
    output = {"S3OutputPath": "s3://a-bucket/out", "CompressionType": "NONE"}
    job = jobs.run(
        "loose", "mkdir /opt/ml/model/a; echo 1 > /opt/ml/model/a/b", OutputDataConfig=output
    )
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://a-bucket/out/loose/output/model/"
    assert jobs.get("out/loose/output/model/a/b") == b"1\n"


def test_nothing_of_a_job_stays_on_this_machine(jobs: Jobs) -> None:
    jobs.run("tidy", "setsid sleep 600 & echo $! > /opt/ml/model/pid")
    folder = jobs.server.cloud.store.folder("training-job", "tidy")
    assert not folder.exists()
    left_behind = int(jobs.unpacked(jobs.describe("tidy"))["pid"])
    assert not is_alive(identity(left_behind))
