"""The AWS CLI, as it is typed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.beginnings import ROLE, role_arn
from local_test.package import pack_model
from local_test.pictures import made_up_jpeg
from tests.clients.clients import IMAGE, Clients


def training(clients: Clients, name: str, script: str) -> dict[str, Any]:
    """A CreateTrainingJob whose program is a shell script."""
    return {
        "TrainingJobName": name,
        "RoleArn": role_arn(),
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c", script],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{clients.bucket}/cli"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "Tags": [{"Key": "team", "Value": name}],
    }


def create(clients: Clients, name: str, script: str) -> None:
    asked = json.dumps(training(clients, name, script))
    clients.aws("sagemaker", "create-training-job", "--cli-input-json", asked)


def wait(clients: Clients, condition: str) -> None:
    """Until the endpoint `cli` meets it: the CLI itself looks every 30 s only."""
    waiter = clients.server.client("sagemaker").get_waiter(condition)
    waiter.wait(EndpointName="cli", WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_who_am_i_and_which_role_is_there(clients: Clients) -> None:
    assert clients.aws_json("sts", "get-caller-identity")["Account"] == "123456789012"
    role = clients.aws_json("iam", "get-role", "--role-name", ROLE)["Role"]
    assert role["Arn"] == role_arn()


def test_files_are_copied_synchronised_listed_and_removed(clients: Clients, tmp_path: Path) -> None:
    here, there, home = tmp_path / "here", tmp_path / "there", f"s3://{clients.bucket}/files"
    (here / "deep").mkdir(parents=True)
    for name, size in {"a.txt": 1, "deep/ü b.bin": 20 * 1024 * 1024, "empty": 0}.items():
        (here / name).write_bytes(bytes(size))
        os.utime(here / name, (0, 1_700_000_000))  # S3 keeps whole seconds
    clients.aws("s3", "sync", here, home)
    listed = clients.aws("s3", "ls", f"{home}/", "--recursive", "--summarize")
    assert "files/deep/ü b.bin" in listed
    assert "Total Objects: 3" in listed
    assert clients.aws("s3", "sync", here, home) == "", "nothing changed"
    clients.aws("s3", "cp", f"{home}/", there, "--recursive")
    assert (there / "deep" / "ü b.bin").stat().st_size == 20 * 1024 * 1024
    assert (there / "empty").read_bytes() == b""
    (here / "a.txt").unlink()
    clients.aws("s3", "sync", here, home, "--delete")
    assert "a.txt" not in clients.aws("s3", "ls", f"{home}/")
    clients.aws("s3", "rm", home, "--recursive")
    assert "(404)" in clients.aws("s3", "cp", f"{home}/empty", there, ok=False)


def test_a_training_job_is_created_awaited_described_and_its_log_read(
    clients: Clients,
) -> None:
    create(clients, "cli-trained", "echo hello from $TRAINING_JOB_NAME; echo 1 > /opt/ml/model/w")
    over = ("sagemaker", "wait", "training-job-completed-or-stopped")
    clients.aws(*over, "--training-job-name", "cli-trained")
    job = clients.aws_json(
        "sagemaker", "describe-training-job", "--training-job-name", "cli-trained"
    )
    assert job["TrainingJobStatus"] == "Completed"
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert "model.tar.gz" in clients.aws("s3", "ls", model)
    said = clients.aws(
        *("logs", "filter-log-events", "--log-group-name", "/aws/sagemaker/TrainingJobs"),
        *("--log-stream-name-prefix", "cli-trained", "--query", "events[].message"),
    )
    assert "hello from cli-trained" in said
    listed = clients.aws_json("sagemaker", "list-training-jobs", "--name-contains", "cli-trained")
    assert [one["TrainingJobName"] for one in listed["TrainingJobSummaries"]] == ["cli-trained"]
    found = clients.aws_json(
        *("resourcegroupstaggingapi", "get-resources"),
        *("--tag-filters", "Key=team,Values=cli-trained"),
        *("--resource-type-filters", "sagemaker:training-job"),
    )
    assert [one["ResourceARN"] for one in found["ResourceTagMappingList"]] == [
        job["TrainingJobArn"]
    ]


def test_a_training_job_is_stopped(clients: Clients) -> None:
    create(clients, "cli-stopped", "sleep 600")
    clients.aws("sagemaker", "stop-training-job", "--training-job-name", "cli-stopped")
    over = ("sagemaker", "wait", "training-job-completed-or-stopped")
    clients.aws(*over, "--training-job-name", "cli-stopped")
    status = clients.aws(
        *("sagemaker", "describe-training-job", "--training-job-name", "cli-stopped"),
        *("--query", "TrainingJobStatus", "--output", "text"),
    )
    assert status.strip() == "Stopped"


def test_a_model_is_deployed_and_a_jpeg_sent_to_it(
    clients: Clients, insects: Path, tmp_path: Path
) -> None:
    pack_model(insects, tmp_path / "model.tar.gz")
    (tmp_path / "photo.jpg").write_bytes(made_up_jpeg(50))
    model = f"s3://{clients.bucket}/cli/model.tar.gz"
    clients.aws("s3", "cp", tmp_path / "model.tar.gz", model)
    container = f"Image={IMAGE},ModelDataUrl={model},Environment={{IMAGECLF_WORKERS=1}}"
    variant = "VariantName=all,ModelName=cli,InitialInstanceCount=1,InstanceType=ml.m5.large"
    clients.aws(
        *("sagemaker", "create-model", "--model-name", "cli", "--primary-container", container),
        *("--execution-role-arn", role_arn()),
    )
    config = ("--endpoint-config-name", "cli")
    clients.aws("sagemaker", "create-endpoint-config", *config, "--production-variants", variant)
    clients.aws("sagemaker", "create-endpoint", "--endpoint-name", "cli", *config)
    wait(clients, "endpoint_in_service")
    clients.aws("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", "cli")
    told = clients.aws_json(
        *("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "cli"),
        *("--content-type", "image/jpeg", "--accept", "application/json"),
        *("--body", f"fileb://{tmp_path / 'photo.jpg'}", tmp_path / "answer.json"),
    )
    assert told["InvokedProductionVariant"] == "all"
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert {one["class"] for one in answer["predictions"]} == {"Ants", "Bees", "Cats"}
    clients.aws("sagemaker", "delete-endpoint", "--endpoint-name", "cli")
    wait(clients, "endpoint_deleted")
    clients.aws("sagemaker", "wait", "endpoint-deleted", "--endpoint-name", "cli")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("describe-training-job", "--training-job-name", "nobody"), "(ValidationException)"),
        (("describe-endpoint", "--endpoint-name", "nobody"), "Could not find endpoint"),
        (("create-hub", "--hub-name", "a", "--hub-description", "b"), "does not do this"),
    ],
)
def test_what_cannot_be_done_is_told_as_aws_tells_it(
    clients: Clients, arguments: tuple[str, ...], told: str
) -> None:
    assert told in clients.aws("sagemaker", *arguments, ok=False)
