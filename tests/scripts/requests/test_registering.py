from dataclasses import replace

from scripts.requests import registering
from scripts.requests.registering import Registration
from tests.scripts.requests_of import faults

WANTED = Registration(
    group="imageclf",
    image="123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:latest",
    model_data="s3://bucket/imageclf/job/output/model.tar.gz",
    approval="PendingManualApproval",
    instance_types=["ml.m5.xlarge"],
    statistics_uri="s3://bucket/imageclf/registry/statistics.json",
    description="Trained by job one.",
    properties={"training-job": "one"},
    tags={"imageclf:project": "imageclf"},
)


def test_aws_takes_the_requests() -> None:
    group = registering.create_model_package_group(WANTED)
    assert faults("CreateModelPackageGroup", group) == []
    assert faults("CreateModelPackage", registering.create_model_package(WANTED)) == []
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/imageclf/1"
    assert faults("UpdateModelPackage", registering.update_model_package(arn, "Approved")) == []


def test_the_group_has_the_tags_and_a_version_may_have_none() -> None:
    assert registering.create_model_package_group(WANTED)["Tags"]
    assert "Tags" not in registering.create_model_package(WANTED)


def test_a_model_without_metrics_is_registered_without_a_report() -> None:
    bare = replace(WANTED, statistics_uri="")
    assert "ModelMetrics" not in registering.create_model_package(bare)


def test_no_more_properties_are_sent_than_are_allowed() -> None:
    many = {f"hyperparameter-{number}": "x" * 300 for number in range(80)}
    request = registering.create_model_package(replace(WANTED, properties={**many, "empty": ""}))
    assert faults("CreateModelPackage", request) == []


def test_the_figures_of_the_test_set_go_before_those_of_validation() -> None:
    figures = {"validation:top1": 0.9, "test:top1": 0.8, "validation:loss": 0.3}
    report = registering.statistics(figures)
    shown = report["multiclass_classification_metrics"]
    assert shown["accuracy"]["value"] == 0.8
    assert shown["cross_entropy"]["value"] == 0.3
    assert "macro_f1" not in shown
    assert report["training_job_metrics"] == figures


def test_a_property_that_aws_would_refuse_is_written_otherwise() -> None:
    odd = replace(WANTED, properties={"pretrained": "imagenet,\n{v2}"})
    request = registering.create_model_package(odd)
    assert request["CustomerMetadataProperties"] == {"pretrained": "imagenet---v2-"}
    assert faults("CreateModelPackage", request) == []


def test_without_properties_none_are_sent() -> None:
    request = registering.create_model_package(replace(WANTED, properties={}))
    assert faults("CreateModelPackage", request) == []
