"""What a training that profiles itself is told of price and place."""

import pytest

from scripts.requests import training
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
