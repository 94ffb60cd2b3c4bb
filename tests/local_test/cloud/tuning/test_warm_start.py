import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.errors import ApiError
from local_test.cloud.tuning import definitions, warm_start
from local_test.cloud.tuning.definitions import Definition
from tests.local_test.cloud.tuning.tuning_jobs import config, definition

WORDS = ["red", "blue"]


def read(folder: Path, words: Sequence[str] = (), /, **static: str) -> Definition:
    """A definition that searches `lr`, and `color` where there are words for it."""
    tuning = config(4)
    if words:
        color = {"Name": "color", "Values": list(words)}
        tuning["ParameterRanges"]["CategoricalParameterRanges"] = [color]
    arguments = {
        "HyperParameterTuningJobConfig": tuning,
        "TrainingJobDefinition": definition(folder, **static),
    }
    (found,) = definitions.read(arguments)
    return found


def refusal(child: Definition, parent: Definition, status: str = "Completed") -> str:
    with pytest.raises(ApiError) as refused:
        warm_start.check_parent(child, "parent", status, [parent])
    return refused.value.message


def test_a_job_of_the_same_kind_may_be_a_parent(tmp_path: Path) -> None:
    child = read(tmp_path, epochs="2")
    for status in ("Completed", "Stopped", "Failed"):
        warm_start.check_parent(child, "parent", status, [read(tmp_path, epochs="2")])


def test_a_parent_must_have_ended(tmp_path: Path) -> None:
    child = read(tmp_path)
    assert "must be in a terminal state" in refusal(child, child, status="InProgress")


def test_the_objective_must_be_that_of_the_parent(tmp_path: Path) -> None:
    child = read(tmp_path)
    other = Definition("", "loss", False, child.ranges, child.document)
    assert "objective metric" in refusal(child, other)


def test_the_names_of_the_hyperparameters_must_stay(tmp_path: Path) -> None:
    said = refusal(read(tmp_path, epochs="2"), read(tmp_path))
    assert said.startswith("The set of tunable plus static HyperParameter names is not the same")


def test_what_was_static_may_be_searched_and_the_other_way_round(tmp_path: Path) -> None:
    tunable, static = read(tmp_path, WORDS), read(tmp_path, color="red")
    warm_start.check_parent(tunable, "parent", "Completed", [static])
    warm_start.check_parent(static, "parent", "Completed", [tunable])


def test_the_kind_of_a_range_must_stay(tmp_path: Path) -> None:
    child = read(tmp_path)
    arguments: dict[str, Any] = {
        "HyperParameterTuningJobConfig": config(4),
        "TrainingJobDefinition": copy.deepcopy(child.document),
    }
    arguments["HyperParameterTuningJobConfig"]["ParameterRanges"] = {
        "CategoricalParameterRanges": [{"Name": "lr", "Values": ["0.1", "0.2"]}]
    }
    assert "must not change" in refusal(child, definitions.read(arguments)[0])


def test_more_than_ten_changes_are_refused(tmp_path: Path) -> None:
    many = [f"color{number}" for number in range(11)]
    said = refusal(read(tmp_path, color="red"), read(tmp_path, many))
    assert "is 11, and the limit is 10" in said
    ten = {f"p{number}": "1" for number in range(10)}
    changed = dict.fromkeys(ten, "2")
    warm_start.check_parent(
        read(tmp_path, **changed), "parent", "Completed", [read(tmp_path, **ten)]
    )
    said = refusal(read(tmp_path, **changed, q="2"), read(tmp_path, **ten, q="1"))
    assert "is 11" in said


def test_only_bayesian_and_random_searches_start_warm(tmp_path: Path) -> None:
    child = read(tmp_path)
    assert warm_start.check_child("Random", [child]) is child
    with pytest.raises(ApiError, match="not with Grid"):
        warm_start.check_child("Grid", [child])
    with pytest.raises(ApiError, match="single TrainingJobDefinition"):
        warm_start.check_child("Random", [child, child])


def test_what_was_static_in_the_parent_counts_as_a_value_of_the_search(tmp_path: Path) -> None:
    child = read(tmp_path, WORDS)
    jobs = [({"lr": "0.1", "color": "red", "epochs": "2"}, 0.5)]
    (found,) = warm_start.observations(child, jobs, transfer=False)
    assert (found.values, found.objective) == ({"lr": "0.1", "color": "red"}, 0.5)


def test_objectives_of_other_data_count_by_their_rank_in_their_own_job(tmp_path: Path) -> None:
    jobs = [({"lr": "0.1"}, 10.0), ({"lr": "0.2"}, 30.0)]
    found = warm_start.observations(read(tmp_path), jobs, transfer=True)
    assert [one.objective for one in found] == [-1.0, 1.0]
    assert warm_start.standardized([5.0, 5.0]) == [0.0, 0.0]
    assert warm_start.standardized([]) == []
