from typing import Any

import pytest

from local_test.cloud.errors import ApiError
from local_test.cloud.tuning import autotune, ranges


def filled_in(*hints: tuple[str, str], **limits: int) -> dict[str, Any]:
    parameters = [{"Name": name, "ValueHint": hint} for name, hint in hints]
    found = autotune.filled_in(
        {
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "ResourceLimits": {"MaxParallelTrainingJobs": 2, **limits},
                "ParameterRanges": {"AutoParameters": parameters},
            },
            "Autotune": {"Mode": "Enabled"},
        }
    )["HyperParameterTuningJobConfig"]
    return dict(found)


def test_ranges_lie_around_their_hints_and_can_be_searched() -> None:
    hints = (("lr", "0.05"), ("momentum", "0.9"), ("batch-size", "32"), ("augment", "true"))
    found = {one.name: one for one in ranges.read(filled_in(*hints)["ParameterRanges"])}
    assert found["augment"] == ranges.Categorical("augment", ("true", "false"))
    numeric = [one for one in found.values() if isinstance(one, ranges.Numeric)]
    bounds = {one.name: (one.low, one.high) for one in numeric}
    assert bounds == {
        "lr": (pytest.approx(0.005), pytest.approx(0.5)),
        "momentum": (pytest.approx(0.09), 1.0),
        "batch-size": (8, 128),
    }


def test_a_number_of_training_jobs_is_chosen_where_there_is_none() -> None:
    assert filled_in(("lr", "0.1"))["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 20
    given = filled_in(("lr", "0.1"), MaxNumberOfTrainingJobs=3)
    assert given["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 3


@pytest.mark.parametrize("hint", ["sgd", "0", "-1", "nan", "inf"])
def test_a_hint_that_says_no_range_is_refused(hint: str) -> None:
    with pytest.raises(ApiError, match="local endpoint does not do this"):
        filled_in(("p", hint))
