from typing import Any

import pytest

from imageclf.errors import SettingsError
from scripts.requests import tuning
from tests.scripts.requests_of import AT, DATA, faults, make_place, make_settings

FIXED = {"architecture": "resnet18"}


def request_of(**flags: Any) -> dict[str, Any]:
    made = make_settings(**flags)
    return tuning.create_tuning_job(made, make_place(made), FIXED, DATA, at=AT)


def asked(request: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = request["HyperParameterTuningJobConfig"]
    return found


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"tune__space": "lr-batch", "train__spot": True},
        {"tune__space": "lr-batch-epochs", "tune__strategy": "Random"},
        {"tune__strategy": "Hyperband", "tune__warm_start": "earlier", "tune__max_run_minutes": 9},
        {"project": "a-project-with-a-name-of", "tune__objective": "validation:loss"},
    ],
)
def test_the_request_is_one_that_sagemaker_takes(flags: dict[str, Any]) -> None:
    assert faults("CreateHyperParameterTuningJob", request_of(**flags)) == []


def test_limits_objective_and_early_stopping_are_those_of_the_settings() -> None:
    found = asked(request_of(tune__jobs=5, tune__parallel=9, tune__objective="validation:loss"))
    limits = {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 5}
    assert found["ResourceLimits"] == limits
    objective = {"Type": "Minimize", "MetricName": "validation:loss"}
    assert found["HyperParameterTuningJobObjective"] == objective
    assert found["TrainingJobEarlyStoppingType"] == "Auto"


def test_hyperband_hands_out_epochs_and_stops_trainings_itself() -> None:
    request = request_of(tune__strategy="Hyperband")
    found = asked(request)
    resource = {"MinResource": 1, "MaxResource": 6}
    assert found["StrategyConfig"] == {"HyperbandStrategyConfig": resource}
    assert found["TrainingJobEarlyStoppingType"] == "Off"
    assert found["ParameterRanges"]["IntegerParameterRanges"] == []
    assert request["TrainingJobDefinition"]["StaticHyperParameters"] == {**FIXED, "epochs": "6"}


def test_a_grid_tries_every_combination_and_takes_no_bounds() -> None:
    space = {"mine": {"units": {"values": [256, 512]}, "optimizer": {"values": ["adamw", "sgd"]}}}
    request = request_of(spaces=space, tune__space="mine", tune__strategy="Grid")
    assert asked(request)["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 4
    assert faults("CreateHyperParameterTuningJob", request) == []
    with pytest.raises(SettingsError, match="Grid tries values only; give lr, epochs `values`"):
        request_of(tune__strategy="Grid")


def test_only_spot_trainings_keep_checkpoints() -> None:
    assert "CheckpointConfig" not in request_of()["TrainingJobDefinition"]
    spot = request_of(train__spot=True)
    checkpoints = spot["TrainingJobDefinition"]["CheckpointConfig"]["S3Uri"]
    assert checkpoints.endswith(f"/checkpoints/{spot['HyperParameterTuningJobName']}/")


def test_a_value_of_the_command_is_not_searched() -> None:
    made = make_settings()
    request = tuning.create_tuning_job(
        made, make_place(), {"lr": "0.01"}, DATA, at=AT, fixed={"lr"}
    )
    assert asked(request)["ParameterRanges"]["ContinuousParameterRanges"] == []
    assert request["TrainingJobDefinition"]["StaticHyperParameters"] == {"lr": "0.01"}
    everything = {"lr", "units", "epochs"}
    with pytest.raises(SettingsError, match="Nothing is left to search"):
        tuning.create_tuning_job(made, make_place(), {}, DATA, at=AT, fixed=everything)


def test_an_objective_without_a_goal_is_refused() -> None:
    with pytest.raises(SettingsError, match="choose train:loss, validation:loss"):
        request_of(tune__objective="epoch_s")
