"""What is refused before anything is trained."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.operations import Request
from local_test.cloud.settings import CloudSettings
from local_test.cloud.tuning.room import ROOM
from tests.local_test.cloud.tuning.tuning_jobs import config, definition

Arguments = dict[str, Any]

WORDS = {"Name": "units", "Values": ["256", "512"]}


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud.open(CloudSettings(root=tmp_path / "root", runner="process"))


@pytest.fixture
def arguments(tmp_path: Path) -> Arguments:
    return {
        "HyperParameterTuningJobName": "wrong",
        "HyperParameterTuningJobConfig": config(4),
        "TrainingJobDefinition": definition(tmp_path),
    }


def refusal(cloud: Cloud, arguments: Arguments) -> ApiError:
    operation = "CreateHyperParameterTuningJob"
    with pytest.raises(ApiError) as refused:
        ROOM.operations[operation](cloud, Request(operation, arguments, "us-east-1"))
    assert cloud.store.all("hyper-parameter-tuning-job") == []
    return refused.value


def tuning(arguments: Arguments) -> Arguments:
    found: Arguments = arguments["HyperParameterTuningJobConfig"]
    return found


def words_only(arguments: Arguments) -> None:
    tuning(arguments)["ParameterRanges"] = {"CategoricalParameterRanges": [WORDS]}


def without_metric(arguments: Arguments) -> None:
    arguments["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"] = []


def without_ranges(arguments: Arguments) -> None:
    tuning(arguments)["ParameterRanges"] = {}


def static_and_tunable(arguments: Arguments) -> None:
    arguments["TrainingJobDefinition"]["StaticHyperParameters"]["lr"] = "0.1"


def too_many_hyperparameters(arguments: Arguments) -> None:
    many = {f"p{number}": "1" for number in range(99)}
    arguments["TrainingJobDefinition"]["StaticHyperParameters"] = many


def too_few_combinations(arguments: Arguments) -> None:
    words_only(arguments)


def continuous_grid(arguments: Arguments) -> None:
    tuning(arguments)["Strategy"] = "Grid"


def wrong_number_for_grid(arguments: Arguments) -> None:
    words_only(arguments)
    tuning(arguments)["Strategy"] = "Grid"


def hyperband_without_epochs(arguments: Arguments) -> None:
    tuning(arguments)["Strategy"] = "Hyperband"


def hyperband_upside_down(arguments: Arguments) -> None:
    given = {"HyperbandStrategyConfig": {"MinResource": 9, "MaxResource": 3}}
    tuning(arguments).update(Strategy="Hyperband", StrategyConfig=given)


def hyperband_with_early_stopping(arguments: Arguments) -> None:
    tuning(arguments).update(Strategy="Hyperband", TrainingJobEarlyStoppingType="Auto")


def epochs_without_hyperband(arguments: Arguments) -> None:
    tuning(arguments)["StrategyConfig"] = {"HyperbandStrategyConfig": {"MaxResource": 3}}


def no_end(arguments: Arguments) -> None:
    del tuning(arguments)["ResourceLimits"]["MaxNumberOfTrainingJobs"]


def too_many_jobs(arguments: Arguments) -> None:
    tuning(arguments)["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 751


def too_many_at_once(arguments: Arguments) -> None:
    tuning(arguments)["ResourceLimits"]["MaxParallelTrainingJobs"] = 101


def no_definition(arguments: Arguments) -> None:
    del arguments["TrainingJobDefinition"]


def shared_ranges_of_several(arguments: Arguments) -> None:
    one = arguments.pop("TrainingJobDefinition")
    arguments["TrainingJobDefinitions"] = [{**one, "DefinitionName": "a"}]


def two_kinds_of_resources(arguments: Arguments) -> None:
    one = arguments["TrainingJobDefinition"]
    one["HyperParameterTuningResourceConfig"] = one["ResourceConfig"]


def unknown_hint(arguments: Arguments) -> None:
    arguments["Autotune"] = {"Mode": "Enabled"}
    parameter = {"Name": "optimizer", "ValueHint": "sgd"}
    tuning(arguments)["ParameterRanges"]["AutoParameters"] = [parameter]


def hint_without_autotune(arguments: Arguments) -> None:
    parameter = {"Name": "batch-size", "ValueHint": "32"}
    tuning(arguments)["ParameterRanges"]["AutoParameters"] = [parameter]


def bad_expression(arguments: Arguments) -> None:
    metrics = arguments["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]
    metrics[0]["Regex"] = "objective=("


def missing_parent(arguments: Arguments) -> None:
    arguments["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "nobody"}],
        "WarmStartType": "TransferLearning",
    }


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_metric, "A metric is required for this hyperparameter tuning job objective"),
        (without_ranges, "at least one hyperparameter"),
        (static_and_tunable, "both a range and a static value"),
        (too_many_hyperparameters, "limited to 100"),
        (too_few_combinations, r"provided ranges \[2.0\] must be equal or greater .* \[4\]"),
        (continuous_grid, "Only categorical parameters are supported"),
        (wrong_number_for_grid, "total number of distinct categorical combinations, 2"),
        (hyperband_without_epochs, "MaxResource parameter is not provided and could not be"),
        (hyperband_upside_down, "MaxResource is 3"),
        (hyperband_with_early_stopping, "must be Off"),
        (epochs_without_hyperband, "only with the Hyperband strategy"),
        (no_end, "comes to an end"),
        (too_many_jobs, "limit of one tuning job is 750"),
        (too_many_at_once, "limit of one tuning job is 100"),
        (no_definition, "either a TrainingJobDefinition or TrainingJobDefinitions"),
        (shared_ranges_of_several, "must not be given in HyperParameterTuningJobConfig"),
        (two_kinds_of_resources, "either ResourceConfig or HyperParameterTuningResourceConfig"),
        (unknown_hint, "cannot be guessed from the hint 'sgd'"),
        (hint_without_autotune, "only with Autotune"),
        (bad_expression, "objective"),
        (missing_parent, "nobody could not be found"),
    ],
)
def test_a_tuning_job_that_cannot_be_run_is_refused(
    cloud: Cloud, arguments: Arguments, spoil: Callable[[Arguments], None], said: str
) -> None:
    spoil(arguments)
    with pytest.raises(ApiError, match=said):
        raise refusal(cloud, arguments)


def test_limits_are_told_as_limits(cloud: Cloud, arguments: Arguments) -> None:
    too_many_jobs(arguments)
    assert refusal(cloud, arguments).code == "ResourceLimitExceeded"


def test_several_definitions_need_names_and_one_direction(
    cloud: Cloud, arguments: Arguments
) -> None:
    one = arguments.pop("TrainingJobDefinition")
    one["HyperParameterRanges"] = tuning(arguments).pop("ParameterRanges")
    one["TuningObjective"] = tuning(arguments).pop("HyperParameterTuningJobObjective")
    other = copy.deepcopy(one)
    arguments["TrainingJobDefinitions"] = [one, other]
    assert "unique DefinitionName" in refusal(cloud, arguments).message
    one["DefinitionName"], other["DefinitionName"] = "one", "other"
    other["TuningObjective"]["Type"] = "Minimize"
    assert "Type of the objective must be the same" in refusal(cloud, arguments).message


def test_hidden_resources_of_the_tuner_s_own_field_are_asked_for(
    cloud: Cloud, arguments: Arguments
) -> None:
    one = arguments["TrainingJobDefinition"]
    del one["ResourceConfig"]
    one["HyperParameterTuningResourceConfig"] = {"InstanceType": "ml.m5.large"}
    assert "InstanceCount" in refusal(cloud, arguments).message


def test_a_tuning_job_whose_process_cannot_be_started_leaves_nothing_behind(
    cloud: Cloud, arguments: Arguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("local_test.cloud.tuning.tuners.runners.start_runner", full)
    refused = refusal(cloud, arguments)
    assert (refused.code, refused.status) == ("InternalFailure", 500)
    assert "No space left on device" in refused.message
