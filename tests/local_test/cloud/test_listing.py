from typing import Any

import pytest

from local_test.cloud.errors import ApiError
from local_test.cloud.listing import listed

JOBS = [
    {"JobName": name, "JobStatus": status, "CreationTime": at, "LastModifiedTime": 100 - at}
    for at, (name, status) in enumerate(
        [("b-1", "Failed"), ("A-2", "Completed"), ("c-3", "Failed"), ("a-4", "Stopped")], start=1
    )
]


def names(**arguments: Any) -> list[str]:
    page = page_of(**arguments)
    return [job["JobName"] for job in page["Jobs"]]


def page_of(**arguments: Any) -> dict[str, Any]:
    return listed(
        JOBS,
        arguments,
        name="JobName",
        status="JobStatus",
        summary=lambda job: {"JobName": job["JobName"]},
        answer="Jobs",
    )


def test_the_oldest_comes_first_unless_asked_otherwise() -> None:
    assert names() == ["b-1", "A-2", "c-3", "a-4"]
    assert names(SortOrder="Descending") == ["a-4", "c-3", "A-2", "b-1"]
    assert names(SortBy="LastModifiedTime") == ["a-4", "c-3", "A-2", "b-1"]
    assert names(SortBy="Name") == ["A-2", "a-4", "b-1", "c-3"]
    assert names(SortBy="Status") == ["A-2", "b-1", "c-3", "a-4"]


def test_filters_leave_what_they_ask_for() -> None:
    assert names(NameContains="a-") == ["A-2", "a-4"]
    assert names(StatusEquals="Failed") == ["b-1", "c-3"]
    assert names(CreationTimeAfter=1, CreationTimeBefore=4) == ["A-2", "c-3"]
    assert names(LastModifiedTimeAfter=98) == ["b-1"]


def test_pages_follow_on_one_another_until_none_is_left() -> None:
    first = page_of(MaxResults=3)
    assert len(first["Jobs"]) == 3
    second = page_of(MaxResults=3, NextToken=first["NextToken"])
    assert second == {"Jobs": [{"JobName": "a-4"}]}


@pytest.mark.parametrize("token", ["?", "e30=", "bnVsbA=="])
def test_a_token_from_elsewhere_is_refused(token: str) -> None:
    with pytest.raises(ApiError, match="NextToken is not one that was given out here"):
        page_of(NextToken=token)
