from typing import Any

from local_test.cloud import shapes
from local_test.cloud.answers import faults, public


def test_private_fields_and_none_stay_here_but_keys_of_the_user_go() -> None:
    operation = shapes.find_operation("DescribeTrainingJob")
    assert operation is not None
    document = {
        "TrainingJobName": "a",
        "TrainingJobStatus": "Completed",
        "HyperParameters": {"_tuning_objective_metric": "loss"},
        "ResourceConfig": {"InstanceCount": 1, "_slots": [1]},
        "FailureReason": None,
        "_runner": {"pid": 1},
        "NotOfThisOperation": 1,
    }
    assert public(operation, document) == {
        "TrainingJobName": "a",
        "TrainingJobStatus": "Completed",
        "HyperParameters": {"_tuning_objective_metric": "loss"},
        "ResourceConfig": {"InstanceCount": 1},
    }


def described(**changes: Any) -> list[str]:
    operation = shapes.find_operation("DescribeEndpoint")
    assert operation is not None
    whole = {
        "EndpointName": "a",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/a",
        "EndpointStatus": "InService",
        "CreationTime": 1.5,
        "LastModifiedTime": 2,
        "ProductionVariants": [{"VariantName": "v", "CurrentWeight": 1.0}],
    } | changes
    return faults(operation, {name: value for name, value in whole.items() if value != "absent"})


def test_an_answer_as_the_model_says_has_no_faults() -> None:
    assert described() == []


def test_every_fault_of_an_answer_is_named() -> None:
    assert described(EndpointArn="absent") == ["DescribeEndpoint.EndpointArn is missing."]
    assert described(EndpointStatus="Fine")[0].startswith(
        "DescribeEndpoint.EndpointStatus is 'Fine', none of"
    )
    assert described(CreationTime="now") == [
        "DescribeEndpoint.CreationTime is 'now', not of the type timestamp."
    ]
    assert described(ProductionVariants=[{"VariantName": "v", "Weight": True}]) == [
        "DescribeEndpoint.ProductionVariants[0].Weight is no member of ProductionVariantSummary."
    ]
    assert described(ProductionVariants={}) == [
        "DescribeEndpoint.ProductionVariants is {}, not a list."
    ]


def test_an_operation_without_output_answers_with_nothing() -> None:
    operation = shapes.find_operation("DeleteEndpoint")
    assert operation is not None
    assert public(operation, {"EndpointName": "a"}) == {}
    assert faults(operation, {}) == []
