import json

import pytest

from imageclf.errors import RequestError, TooLargeError
from imageclf.serving.codecs.question import Question, Shape
from imageclf.serving.jobs import Job, Request, caught

CUT = RequestError("truncated", "The picture is cut off.")


def job(shape: Shape = "one") -> Job:
    job = Job(Request(b""))
    job.question = Question((), shape)
    job.results = [None, None]
    return job


def said(job: Job) -> tuple[int, str]:
    assert job.response is not None
    return job.response.status, json.loads(job.response.body)["message"]


def fail(error: Exception) -> None:
    raise error


def test_the_fault_of_one_picture_is_that_of_its_request() -> None:
    one, several = job("one"), job("several")
    one.fault(0, CUT)
    several.fault(1, CUT)
    assert said(one) == (400, "The picture is cut off.")
    assert said(several) == (400, "Picture 2: The picture is cut off.")


def test_of_several_faults_the_first_is_told() -> None:
    several = job("several")
    several.fault(0, CUT)
    several.fault(1, TooLargeError("too-many-pixels", "Too large."))
    assert said(several)[1].startswith("Picture 1: ")


def test_a_line_keeps_its_fault_to_itself() -> None:
    lines = job("lines")
    lines.fault(1, CUT)
    assert lines.response is None
    assert lines.results == [None, CUT]


def test_what_a_caller_did_wrong_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    refused = job()
    with caught(refused):
        fail(TooLargeError("too-many-images", "Too many."))
    assert said(refused) == (413, "Too many.")
    assert not caplog.records


def test_anything_else_is_logged_and_answered_without_its_cause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused, lost = job(), job()
    refused.refuse(CUT)
    with caught(refused, lost):
        fail(KeyError("secret"))
    assert said(refused)[0] == 400
    assert said(lost)[0] == 500
    assert "secret" not in said(lost)[1]
    assert "secret" in caplog.text
