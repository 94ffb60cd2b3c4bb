"""Batch transform, registry and teardown on the local cloud: real jobs of tiny programs."""

import csv
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scripts import batch, deploy, register, teardown
from scripts.pictures import made_up_jpeg
from tests.local_test.cloud.servers import PATIENCE_S, CloudServer
from tests.scripts.archives import FAKE_SERVING, pack_classes
from tests.scripts.launching import Done, call

Run = Callable[..., Done]

ROLE = "arn:aws:iam::123456789012:role/someone"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:latest"
OURS = {"imageclf:project": "imageclf", "imageclf:made-by": "scripts"}
TRAINED = "echo validation:top1=0.75; echo Ants > ${SAGEMAKER_BASE_DIR:-/opt/ml}/model/classes"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model archive, and one of pictures, one of which is none."""
    folder = tmp_path_factory.mktemp("launchers")
    pack_classes(folder, "insects", "Ants", "Bees")
    (folder / "pictures" / "sub").mkdir(parents=True)
    for name in ("a.jpg", "sub/b c.jpg"):
        (folder / "pictures" / name).write_bytes(made_up_jpeg())
    return folder


@pytest.fixture(scope="module")
def run(cloud_server: CloudServer, place: Path) -> Run:
    """Calls `main` of a launcher in that folder, on the local cloud with the fake image."""
    environment = cloud_server.environment | FAKE_SERVING
    return partial(call, folder=place, environment=environment)


def start_job(server: CloudServer, name: str, program: str, tags: dict[str, str]) -> None:
    """A training job whose container is a line of shell."""
    server.client("s3").create_bucket(Bucket="jobs")
    server.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c", program],
            "MetricDefinitions": [{"Name": "validation:top1", "Regex": "top1=([0-9.]+)"}],
        },
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://jobs/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        HyperParameters={"lr": "0.1"},
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )


def status_of(server: CloudServer, job: str, *awaited: str) -> Any:
    """What Describe says of a training job, once its status is one of those."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        seen = server.client("sagemaker").describe_training_job(TrainingJobName=job)
        if seen["TrainingJobStatus"] in awaited:
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)


def test_a_batch_writes_a_class_for_each_picture(run: Run, place: Path) -> None:
    done = run(batch.main, "pictures", "--model", "insects.tar.gz", "--out", "answers.csv")
    assert done.returncode == 0, done.stderr
    assert "Completed" in done.stdout
    assert "all    2" in done.stdout
    with (place / "answers.csv").open() as file:
        assert list(csv.reader(file)) == [
            ["file", "class", "probability"],
            ["a.jpg", "Ants", "0.500000"],
            ["sub/b c.jpg", "Ants", "0.500000"],
        ]


def test_a_picture_that_is_none_fails_the_batch_and_the_others_are_fetched(
    run: Run, place: Path
) -> None:
    (place / "mixed").mkdir()
    (place / "mixed" / "good.jpg").write_bytes(made_up_jpeg())
    (place / "mixed" / "text.jpg").write_text("no picture")
    done = run(batch.main, "mixed", "--model", "insects.tar.gz", "--out", "mixed.csv")
    assert done.returncode == 12
    assert "not those of an image" in done.stderr
    assert "(no answer)  1" in done.stdout
    assert "text.jpg,," in (place / "mixed.csv").read_text()


def test_a_trained_model_is_registered_with_its_metrics_and_deployed_once_approved(
    cloud_server: CloudServer, run: Run
) -> None:
    start_job(cloud_server, "trained", TRAINED, {})
    status_of(cloud_server, "trained", "Completed")
    made = run(register.main, "--job", "trained", "--group", "insects")
    assert made.returncode == 0, made.stderr
    assert "It is PendingManualApproval" in made.stdout
    sagemaker = cloud_server.client("sagemaker")
    (version,) = sagemaker.list_model_packages(ModelPackageGroupName="insects")[
        "ModelPackageSummaryList"
    ]
    arn = version["ModelPackageArn"]
    seen = sagemaker.describe_model_package(ModelPackageName=arn)
    assert seen["CustomerMetadataProperties"] == {"training-job": "trained", "lr": "0.1"}
    report = seen["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    bucket, _, key = report.removeprefix("s3://").partition("/")
    content = json.load(cloud_server.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    assert content["multiclass_classification_metrics"]["accuracy"]["value"] == 0.75
    refused = run(deploy.main, "--model", arn, "--no-wait")
    assert refused.returncode == 12
    assert "approve it first" in refused.stderr
    assert run(register.main, "--package", arn, "--approve").returncode == 0
    deployed = run(deploy.main, "--model", arn, "--name", "approved")
    assert "Ants" in deployed.stdout


def test_teardown_asks_stops_and_deletes_what_has_the_tags_and_nothing_else(
    cloud_server: CloudServer, run: Run
) -> None:
    sagemaker = cloud_server.client("sagemaker")
    others = {"imageclf:project": "another", "imageclf:made-by": "scripts"}
    start_job(cloud_server, "ours", "sleep 600", OURS)
    start_job(cloud_server, "theirs", "sleep 600", others)
    run(deploy.main, "--model", "insects.tar.gz", "--name", "insects", "--no-wait")
    sagemaker.create_model(
        ModelName="by-hand", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE}
    )
    asked = run(teardown.main)
    assert asked.returncode == 2
    assert "say --yes" in asked.stderr
    assert "insects" in asked.stdout
    done = run(teardown.main, "--yes")
    assert done.returncode == 0, done.stderr
    assert "stopped  training ours" in done.stdout
    assert "package group insects (--all)" in done.stdout
    assert status_of(cloud_server, "ours", "Stopped")
    assert status_of(cloud_server, "theirs", "InProgress")
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert [one["ModelName"] for one in sagemaker.list_models()["Models"]] == ["by-hand"]
    again = run(teardown.main, "--yes")
    assert again.returncode == 0
    assert "Nothing of the project imageclf runs or is deployed" in again.stdout
    cleaned = run(teardown.main, "--project", "another", "--yes")
    assert "stopped  training theirs" in cleaned.stdout


def test_teardown_of_all_and_data_leaves_no_package_and_no_object(
    cloud_server: CloudServer, run: Run
) -> None:
    assert run(register.main, "--model", "insects.tar.gz").returncode == 0
    shown = run(teardown.main, "--all", "--data", "--dry-run")
    assert "DeleteModelPackageGroup" in shown.stdout
    done = run(teardown.main, "--all", "--data", "--yes")
    assert done.returncode == 0, done.stderr
    sagemaker, s3 = cloud_server.client("sagemaker"), cloud_server.client("s3")
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    bucket = "sagemaker-us-east-1-123456789012"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="imageclf/")["KeyCount"] == 0
