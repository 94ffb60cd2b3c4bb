from typing import Any

import pytest

from local_test.cloud import shapes
from local_test.cloud.errors import ApiError
from local_test.cloud.validation import checked

ROLE = "arn:aws:iam::123456789012:role/train"


def training_job(**changes: Any) -> dict[str, Any]:
    """A request that is as it should be, but for `changes`."""
    return {
        "TrainingJobName": "a-job",
        "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "imageclf"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.xlarge",
            "InstanceCount": 1,
            "VolumeSizeInGB": 10,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    } | changes


def refused(operation: str, arguments: object) -> ApiError:
    model = shapes.find_operation(operation)
    assert model is not None
    with pytest.raises(ApiError) as caught:
        checked(model, arguments)
    return caught.value


def accepted(operation: str, arguments: object) -> dict[str, Any]:
    model = shapes.find_operation(operation)
    assert model is not None
    return checked(model, arguments)


def test_a_request_that_is_right_comes_through_as_it_is() -> None:
    assert accepted("CreateTrainingJob", training_job()) == training_job()


def test_a_name_with_an_underscore_is_refused_in_the_words_of_aws() -> None:
    error = refused("CreateTrainingJob", training_job(TrainingJobName="a_job"))
    assert error.code == "ValidationException"
    assert error.message == (
        "1 validation error detected: Value 'a_job' at 'trainingJobName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: "
        "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    )


def test_all_that_is_wrong_is_told_at_once() -> None:
    message = refused(
        "CreateTrainingJob",
        training_job(
            TrainingJobName="x" * 64,
            RoleArn=None,
            AlgorithmSpecification={"TrainingInputMode": "Carrier"},
            StoppingCondition={"MaxRuntimeInSeconds": 0},
        ),
    ).message
    assert message.startswith("5 validation errors detected: Value 'xxx")
    for said in (
        "at 'trainingJobName' failed to satisfy constraint: Member must have length less than or "
        "equal to 63",
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
        "Value 'Carrier' at 'algorithmSpecification.trainingInputMode' failed to satisfy "
        "constraint: Member must satisfy enum value set: [Pipe, File, FastFile]",
        "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint: Member "
        "must have value greater than or equal to 1",
    ):
        assert said in message


def test_a_structure_in_a_list_is_named_by_its_place() -> None:
    channels = [{"ChannelName": "train", "DataSource": {}}, {"DataSource": {}}]
    message = refused("CreateTrainingJob", training_job(InputDataConfig=channels)).message
    assert "Value null at 'inputDataConfig.2.member.channelName'" in message


def test_a_hyperparameter_that_is_too_long_is_a_fault_of_the_map() -> None:
    parameters = {"lr": "1" * 2_501}
    message = refused("CreateTrainingJob", training_job(HyperParameters=parameters)).message
    assert "at 'hyperParameters' failed to satisfy constraint: Map value must satisfy" in message
    assert "[Member must have length less than or equal to 2500" in message
    assert len(message) < 2_000


def test_a_string_in_a_list_is_a_fault_of_the_list() -> None:
    network = {"SecurityGroupIds": ["not allowed"], "Subnets": ["subnet-1"]}
    message = refused("CreateTrainingJob", training_job(VpcConfig=network)).message
    assert """Value '["not allowed"]' at 'vpcConfig.securityGroupIds'""" in message
    assert "Member must satisfy constraint: [Member must have length" in message


def test_tags_may_be_in_any_language_but_hold_no_exclamation_marks() -> None:
    tags = [{"Key": "größe 大", "Value": "1.5_kg@home"}]
    assert accepted("CreateTrainingJob", training_job(Tags=tags))["Tags"] == tags
    message = refused("CreateTrainingJob", training_job(Tags=[{"Key": "a!", "Value": ""}])).message
    assert "Value 'a!' at 'tags.1.member.key'" in message


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("TrainingJobName", 7, "NUMBER_VALUE can not be converted to a String"),
        ("EnableNetworkIsolation", "yes", "STRING_VALUE can not be converted to a Boolean"),
        ("HyperParameters", {"lr": 0.1}, "DECIMAL_VALUE can not be converted to a String"),
        ("HyperParameters", [], "Start of list found where not expected"),
        ("RoleArn", {}, "Start of structure or map found where not expected."),
        ("StoppingCondition", {"MaxRuntimeInSeconds": "9"}, "STRING_VALUE can not be converted"),
        ("StoppingCondition", {"MaxRuntimeInSeconds": 1.5}, "DECIMAL_VALUE can not be converted"),
        ("StoppingCondition", {"MaxRuntimeInSeconds": True}, "TRUE_VALUE can not be converted"),
    ],
)
def test_a_value_of_another_type_cannot_be_read(field: str, value: object, said: str) -> None:
    error = refused("CreateTrainingJob", training_job(**{field: value}))
    assert error.code == "SerializationException"
    assert said in error.message


def test_a_request_that_is_no_structure_cannot_be_read() -> None:
    assert refused("CreateTrainingJob", [1]).code == "SerializationException"


def test_fields_of_a_later_model_are_dropped() -> None:
    assert accepted("DescribeTrainingJob", {"TrainingJobName": "a", "Later": 1}) == {
        "TrainingJobName": "a"
    }


def test_times_come_as_seconds() -> None:
    assert accepted("ListTrainingJobs", {"CreationTimeAfter": 1.5})["CreationTimeAfter"] == 1.5
