from imageclf.config import parse
from scripts.requests import training
from tests.scripts.requests_of import AT, DATA, faults, make_place, make_settings


def test_the_request_is_one_that_sagemaker_takes() -> None:
    made = make_settings(
        train__spot=True, train__pretrained="s3://weights/here", train__instances=2
    )
    request = training.create_training_job(
        made, make_place(made), {"epochs": "3", "lr": "0.01"}, DATA, at=AT
    )
    assert faults("CreateTrainingJob", request) == []
    assert request["TrainingJobName"] == "imageclf-train-20261121-140509-123"
    assert [one["ChannelName"] for one in request["InputDataConfig"]] == ["data", "pretrained"]
    assert request["ResourceConfig"]["InstanceCount"] == 2


def test_spot_goes_on_from_checkpoints_of_its_own_and_may_wait() -> None:
    made = make_settings(train__spot=True)
    request = training.create_training_job(made, make_place(made), {}, DATA, at=AT)
    assert request["EnableManagedSpotTraining"] is True
    assert request["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 240 * 60,
        "MaxWaitTimeInSeconds": 480 * 60,
    }
    name = request["TrainingJobName"]
    assert request["CheckpointConfig"]["S3Uri"].endswith(f"/imageclf/checkpoints/{name}/")


def test_on_demand_has_no_waiting_and_keeps_checkpoints_unless_told_not_to() -> None:
    made = make_settings()
    request = training.create_training_job(made, make_place(made), {}, DATA, at=AT)
    assert "EnableManagedSpotTraining" not in request
    assert "MaxWaitTimeInSeconds" not in request["StoppingCondition"]
    assert "CheckpointConfig" in request
    without = make_settings(train__checkpoints=False)
    assert "CheckpointConfig" not in training.create_training_job(
        without, make_place(), {}, DATA, at=AT
    )


def test_a_resumed_job_has_the_earlier_ones_checkpoints() -> None:
    request = training.create_training_job(
        make_settings(), make_place(), {}, DATA, at=AT, checkpoints="s3://there/before/"
    )
    assert request["CheckpointConfig"] == {"S3Uri": "s3://there/before/"}


def test_everything_is_tagged_so_that_it_can_be_found_and_torn_down() -> None:
    made = make_settings(project="birds", tags={"team": "vision"})
    tags = training.create_training_job(made, make_place(made), {}, DATA, at=AT)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "team": "vision",
        "imageclf:project": "birds",
        "imageclf:made-by": "scripts",
    }


def test_its_hyperparameters_are_those_that_the_container_reads() -> None:
    given = {"epochs": "3", "batch-size": "64"}
    request = training.create_training_job(make_settings(), make_place(), given, DATA, at=AT)
    assert parse(request["HyperParameters"]).batch_size == 64
