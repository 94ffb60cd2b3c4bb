from dataclasses import replace

import pytest

from scripts.requests import transforming
from scripts.requests.transforming import Batch
from tests.scripts.requests_of import faults

WANTED = Batch(
    job="imageclf-batch-20261121-140509-123",
    image="123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:latest",
    role="arn:aws:iam::123456789012:role/imageclf-sagemaker",
    model_data="s3://bucket/imageclf/job/output/model.tar.gz",
    input_uri="s3://bucket/pictures/",
    output_uri="s3://bucket/answers",
    instance_type="ml.m5.xlarge",
    tags={"imageclf:project": "imageclf"},
)


@pytest.mark.parametrize("parallel", [1, 4, 7, 100])
def test_aws_takes_the_requests(parallel: int) -> None:
    wanted = replace(WANTED, parallel=parallel)
    assert faults("CreateModel", transforming.create_model(wanted)) == []
    assert faults("CreateTransformJob", transforming.create_transform_job(wanted)) == []


@pytest.mark.parametrize("parallel", [1, 4, 7, 100])
def test_all_requests_at_once_stay_below_the_limit_of_the_platform(parallel: int) -> None:
    request = transforming.create_transform_job(replace(WANTED, parallel=parallel))
    at_once_mb = request["MaxConcurrentTransforms"] * request["MaxPayloadInMB"]
    assert 0 < at_once_mb <= 100


def test_the_job_runs_the_model_made_for_it() -> None:
    job = transforming.create_transform_job(WANTED)
    assert job["ModelName"] == transforming.create_model(WANTED)["ModelName"]
