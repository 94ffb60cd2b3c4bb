import json
import time
from pathlib import Path
from typing import Any

import pytest

from scripts.train import main
from tests.data.pictures import make_folder
from tests.local_test.cloud.servers import CloudServer
from tests.scripts import requests_of
from tests.scripts.launching import Done, call, launch

BUCKET = "sagemaker-us-east-1-123456789012"
QUICK = ("architecture=shufflenet_v2_x0_5", "pretrained=none", "image-size=32", "epochs=1")
QUICKER = ("batch-size=8", "onnx=false", "workers=0")
FAILS = ["sh", "-c", "echo it begins; echo No room is left. > /opt/ml/output/failure; exit 3"]
SLEEPS = ["sh", "-c", "echo epoch=1 validation:top1=0.5; exec sleep 600"]


def train(server: CloudServer, folder: Path, *arguments: str) -> Done:
    return call(main, *arguments, folder=folder, environment=server.environment)


def start(server: CloudServer, name: str, program: list[str], **more: Any) -> str:
    """A job that runs `program`, made by another client than the launchers."""
    server.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": "imageclf:latest",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": program,
        },
        RoleArn="arn:aws:iam::123456789012:role/imageclf-sagemaker",
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/jobs"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        **more,
    )
    return name


def until(server: CloudServer, name: str, *statuses: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while True:
        client = server.client("sagemaker")
        seen: dict[str, Any] = client.describe_training_job(TrainingJobName=name)
        if seen["SecondaryStatus"] in statuses:
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.1)


def test_a_real_training_shows_its_log_its_figures_and_its_model(
    cloud_server: CloudServer, tmp_path: Path
) -> None:
    counts = {"train/ant": 8, "train/bee": 8, "valid/ant": 4, "valid/bee": 4}
    for path in make_folder(tmp_path / "pictures", counts).rglob("*.png"):
        key = f"mine/{path.relative_to(tmp_path / 'pictures')}"
        cloud_server.cloud.objects.put(BUCKET, key, path)
    done = launch(
        "train",
        *("--data", f"s3://{BUCKET}/mine/", "--spot", *QUICK, *QUICKER),
        folder=tmp_path,
        environment=cloud_server.environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Data: 2 classes; 16 training images" in done.stdout
    figures = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[-16:])
    assert 0 <= float(figures["validation:top1"]) <= 1
    assert figures["cost"].startswith("nothing here; on AWS 0.")
    assert figures["next"] == "scripts/deploy.sh"
    bucket, _, key = figures["model"].removeprefix("s3://").partition("/")
    assert cloud_server.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 1000
    (notes,) = (json.loads(file.read_text()) for file in tmp_path.rglob("last.json"))
    assert notes["model_data"] == figures["model"]
    tags = cloud_server.client("sagemaker").list_tags(ResourceArn=_arn(notes["training_job"]))
    assert {"Key": "imageclf:project", "Value": "imageclf"} in tags["Tags"]


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"


def test_a_failed_job_ends_with_its_reason_and_a_code_that_is_not_zero(
    cloud_server: CloudServer, tmp_path: Path
) -> None:
    name = start(cloud_server, "it-fails", FAILS)
    done = train(cloud_server, tmp_path, "--follow", name)
    assert done.returncode == 12
    assert "it begins" in done.stdout
    assert done.stderr.startswith("error: it-fails failed: ")
    assert "No room is left." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_is_stopped_and_a_new_one_goes_on_from_its_checkpoints(
    cloud_server: CloudServer, tmp_path: Path
) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/mine/"}
    cloud_server.cloud.objects.put(BUCKET, "mine/one.txt", b"one")
    name = start(
        cloud_server,
        "it-sleeps",
        SLEEPS,
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/kept/"},
        InputDataConfig=[{"ChannelName": "data", "DataSource": {"S3DataSource": source}}],
        HyperParameters={"epochs": "9"},
    )
    until(cloud_server, name, "Training")
    stopped = train(cloud_server, tmp_path, "--stop", name)
    assert f"go on with: scripts/train.sh --resume {name}" in stopped.stdout
    until(cloud_server, name, "Stopped")
    followed = train(cloud_server, tmp_path, "--follow", name)
    assert followed.returncode == 12
    assert "it-sleeps was stopped" in followed.stderr
    resumed = train(cloud_server, tmp_path, "--resume", name, "--no-wait", "epochs=10")
    assert resumed.returncode == 0, resumed.stderr
    assert "It runs; watch it with: scripts/train.sh --follow imageclf-train-" in resumed.stdout
    (notes,) = (json.loads(file.read_text()) for file in tmp_path.rglob("last.json"))
    client = cloud_server.client("sagemaker")
    made = client.describe_training_job(TrainingJobName=notes["training_job"])
    assert made["CheckpointConfig"]["S3Uri"] == f"s3://{BUCKET}/kept/"
    assert made["HyperParameters"]["epochs"] == "10"
    train(cloud_server, tmp_path, "--stop")
    until(cloud_server, notes["training_job"], "Stopped", "Failed", "Completed")


def test_a_dry_run_prints_the_request_without_an_account(tmp_path: Path) -> None:
    done = launch("train", "--dry-run", "--spot", "epochs=3", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["Operation"] == "CreateTrainingJob"
    assert requests_of.faults("CreateTrainingJob", printed["Request"]) == []
    assert printed["Request"]["HyperParameters"] == {"epochs": "3"}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["epoch=3"], 2, "Hyperparameter epoch is not known; did you mean epochs?"),
        (["--instances", "0"], 2, "--instances: train.instances is '0'"),
        (["--from", "nowhere.json"], 2, "nowhere.json cannot be read"),
        ([], 2, "No data is noted for this place; upload pictures with scripts/prepare.sh"),
        (["--follow", "never-made"], 12, "AWS refused DescribeTrainingJob"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    cloud_server: CloudServer, tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    done = train(cloud_server, tmp_path, *arguments)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
