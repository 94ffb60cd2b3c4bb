"""The SDK sends just the requests of training and tuning that a dry run prints."""

from typing import Any

import pytest
from botocore.stub import Stubber

from scripts import sdk
from scripts.aws import Aws
from scripts.requests import training, tuning
from tests.scripts.requests_of import AT, DATA, make_place, make_settings

ARN = "arn:aws:sagemaker:us-east-1:123456789012:thing/name"


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"train__spot": True, "train__instances": 2, "train__pretrained": "s3://weights/here"},
        {"train__checkpoints": False, "train__input_mode": "FastFile", "environment": {"A": "b"}},
    ],
)
def test_the_estimator_sends_the_request_of_a_training(aws: Aws, flags: dict[str, Any]) -> None:
    made = make_settings(**flags)
    request = training.create_training_job(made, make_place(made), {"lr": "0.1"}, DATA, at=AT)
    with Stubber(aws.client("sagemaker")) as sagemaker:
        sagemaker.add_response("create_training_job", {"TrainingJobArn": ARN}, request)
        sdk.start_training(aws, request)
        sagemaker.assert_no_pending_responses()


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"tune__space": "lr-batch", "train__spot": True, "tune__early_stopping": "Off"},
        {"tune__strategy": "Hyperband", "tune__warm_start": "earlier", "tune__max_run_minutes": 9},
        {"tune__space": "lr-batch-epochs", "tune__objective": "validation:loss", "tune__seed": 7},
    ],
)
def test_the_tuner_sends_the_request_of_a_search(aws: Aws, flags: dict[str, Any]) -> None:
    made = make_settings(**flags)
    request = tuning.create_tuning_job(
        made, make_place(made), {"architecture": "resnet18", "profile": "on"}, DATA, at=AT
    )
    answer = {"HyperParameterTuningJobArn": ARN}
    with Stubber(aws.client("sagemaker")) as sagemaker:
        sagemaker.add_response("create_hyper_parameter_tuning_job", answer, request)
        sdk.start_tuning(aws, request)
        sagemaker.assert_no_pending_responses()
