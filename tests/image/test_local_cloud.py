"""The local cloud with containers of the image as its instances."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_test.pictures import made_up_jpeg
from tests.image.container import TINY, docker, draw_pictures
from tests.local_test.cloud.servers import CloudServer, running_cloud

pytestmark = pytest.mark.image

BUCKET = "pictures"
ROLE = "arn:aws:iam::123456789012:role/somebody"
MACHINE = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
WAITING = {"Delay": 1, "MaxAttempts": 240}


@pytest.fixture
def cloud(image: str, tmp_path: Path) -> Iterator[CloudServer]:
    with running_cloud(tmp_path / "cloud", runner="docker", image=image) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        draw_pictures(tmp_path / "pictures")
        for path in (tmp_path / "pictures").rglob("*.*"):
            s3.upload_file(str(path), BUCKET, f"data/{path.relative_to(tmp_path / 'pictures')}")
        yield server


def containers() -> set[str]:
    return set(docker("ps", "--quiet").stdout.split())


def trained(cloud: CloudServer, image: str) -> Any:
    sagemaker = cloud.client("sagemaker")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data"}
    sagemaker.create_training_job(
        TrainingJobName="in-docker",
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        HyperParameters={**TINY, "epochs": "1"},
        DebugHookConfig={
            "S3OutputPath": f"s3://{BUCKET}/jobs",
            "CollectionConfigurations": [
                {"CollectionName": "losses", "CollectionParameters": {"save_interval": "1"}}
            ],
        },
        DebugRuleConfigurations=[
            {
                "RuleConfigurationName": "loss",
                "RuleEvaluatorImage": "none",
                "RuleParameters": {"rule_to_invoke": "LossNotDecreasing", "num_steps": "2"},
            }
        ],
        RoleArn=ROLE,
        InputDataConfig=[{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/jobs"},
        ResourceConfig=MACHINE,
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName="in-docker", WaiterConfig=WAITING
    )
    return sagemaker.describe_training_job(TrainingJobName="in-docker")


def deploy(cloud: CloudServer, image: str, archive: str) -> None:
    sagemaker = cloud.client("sagemaker")
    container = {"Image": image, "ModelDataUrl": archive}
    sagemaker.create_model(ModelName="it", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {
        "VariantName": "all",
        "ModelName": "it",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="it", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="it", EndpointConfigName="it")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="it", WaiterConfig=WAITING)


def test_a_job_and_an_endpoint_are_containers_of_the_image(cloud: CloudServer, image: str) -> None:
    before = containers()
    job = trained(cloud, image)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    (rule,) = job["DebugRuleEvaluationStatuses"]
    assert rule["RuleEvaluationStatus"] in {"NoIssuesFound", "IssuesFound"}, rule
    archive = job["ModelArtifacts"]["S3ModelArtifacts"]
    body = cloud.client("s3").get_object(Bucket=BUCKET, Key=archive.split("/", 3)[3])["Body"]
    with tarfile.open(fileobj=io.BytesIO(body.read())) as tar:
        assert "manifest.json" in {Path(name).name for name in tar.getnames()}

    deploy(cloud, image, archive)
    assert len(containers() - before) == 1
    answer = cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="it", ContentType="image/jpeg", Body=made_up_jpeg()
    )
    assert json.loads(answer["Body"].read())["predictions"]

    sagemaker = cloud.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName="it")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="it", WaiterConfig=WAITING)
    assert containers() == before
