"""What a training that profiles itself is told of price and place."""

import pytest

from scripts.requests import training, tuning
from tests.scripts.requests_of import AT, DATA, faults, make_place, make_settings


@pytest.mark.parametrize(("spot", "price"), [(False, "1.408"), (True, "0.4224")])
def test_a_training_that_profiles_itself_knows_its_price_and_where_its_report_goes(
    spot: bool, price: str
) -> None:
    made = make_settings(train__spot=spot, train__instance_type="ml.g5.xlarge")
    place = make_place(made)
    request = training.create_training_job(made, place, {"profile": "on"}, DATA, at=AT)
    assert faults("CreateTrainingJob", request) == []
    name = request["TrainingJobName"]
    output = request["OutputDataConfig"]["S3OutputPath"]
    assert request["Environment"] == {
        "IMAGECLF_DOLLARS_AN_HOUR": price,
        "IMAGECLF_REPORTS_S3": f"{output}/{name}/rule-output",
    }


def test_what_the_settings_say_goes_first_and_an_unknown_price_is_left_out() -> None:
    own = {"IMAGECLF_REPORTS_S3": "s3://mine/here"}
    made = make_settings(environment=own, train__instance_type="ml.new.xlarge")
    request = training.create_training_job(
        made, make_place(made), {"profile": "kernels"}, DATA, at=AT
    )
    assert request["Environment"] == own


def test_a_training_without_a_profile_is_told_nothing() -> None:
    made = make_settings()
    for given in ({}, {"profile": "off"}):
        request = training.create_training_job(made, make_place(made), given, DATA, at=AT)
        assert "Environment" not in request


@pytest.mark.parametrize("spot", [False, True])
def test_the_trials_of_a_search_know_their_price_and_put_their_reports_each_to_its_own(
    spot: bool,
) -> None:
    made = make_settings(train__spot=spot)
    place, given = make_place(made), {"profile": "on"}
    request = tuning.create_tuning_job(made, place, given, DATA, at=AT)
    assert faults("CreateHyperParameterTuningJob", request) == []
    definition = request["TrainingJobDefinition"]
    output = definition["OutputDataConfig"]["S3OutputPath"]
    one = training.create_training_job(made, place, given, DATA, at=AT)["Environment"]
    assert definition["Environment"] == {
        "IMAGECLF_DOLLARS_AN_HOUR": one["IMAGECLF_DOLLARS_AN_HOUR"],
        "IMAGECLF_REPORTS_S3": f"{output}/{{TRAINING_JOB_NAME}}/rule-output",
    }


def test_the_trials_of_a_search_without_profiles_are_told_what_the_settings_say() -> None:
    for own in ({}, {"A": "b"}):
        made = make_settings(environment=own)
        request = tuning.create_tuning_job(made, make_place(made), {}, DATA, at=AT)
        assert request["TrainingJobDefinition"].get("Environment", {}) == own
