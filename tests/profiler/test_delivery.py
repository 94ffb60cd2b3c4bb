"""The report on its way to S3, on a real endpoint."""

import logging
from pathlib import Path
from typing import Any

import pytest

from imageclf.profiler.delivery import deliver
from tests.local_test.cloud.servers import CloudServer


@pytest.fixture
def s3(account: CloudServer) -> Any:
    client = account.client("s3")
    client.create_bucket(Bucket="delivered")
    return client


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "profiler-reports").mkdir()
    (tmp_path / "profiler-reports" / "StepOutlier.json").write_text("{}")
    for name in ("profiler-report.html", "report.html"):
        (tmp_path / name).write_text("<html>")
    return tmp_path


def test_the_report_lies_where_the_managed_service_would_put_it(s3: Any, output: Path) -> None:
    told = {"IMAGECLF_REPORTS_S3": "s3://delivered/jobs/mine/rule-output"}
    address = deliver(output, told)
    found = s3.list_objects_v2(Bucket="delivered", Prefix="jobs/mine/rule-output/")["Contents"]
    within = address.removeprefix("s3://delivered/")
    assert within.startswith("jobs/mine/rule-output/ProfilerReport-")
    assert sorted(one["Key"] for one in found) == [
        f"{within}/profiler-report.html",
        f"{within}/profiler-reports/StepOutlier.json",
    ]
    page = s3.get_object(Bucket="delivered", Key=f"{within}/profiler-report.html")
    assert page["ContentType"].startswith("text/html")
    assert deliver(output, told) == address, "an attempt after an interruption takes its place"


def test_each_trial_of_a_search_puts_its_report_below_its_own_name(s3: Any, output: Path) -> None:
    told = {"IMAGECLF_REPORTS_S3": "s3://delivered/jobs/{TRAINING_JOB_NAME}/rule-output"}
    for trial in ("search-001", "search-002"):
        address = deliver(output, {**told, "TRAINING_JOB_NAME": trial})
        assert address.startswith(f"s3://delivered/jobs/{trial}/rule-output/ProfilerReport-")
        found = s3.list_objects_v2(Bucket="delivered", Prefix=f"jobs/{trial}/rule-output/")
        assert found["KeyCount"] == 2


def test_a_report_whose_place_needs_a_name_that_is_not_known_is_not_put_anywhere(
    output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = {"IMAGECLF_REPORTS_S3": "s3://delivered/jobs/{TRAINING_JOB_NAME}/rule-output"}
    assert not deliver(output, told)
    (line,) = [one.message for one in caplog.records if one.name == "imageclf.profiler.delivery"]
    assert line.endswith("TRAINING_JOB_NAME, which holds it, is not set.")


@pytest.mark.parametrize("address", ["s3://no-such-bucket/x", "nowhere", "s3://"])
def test_a_failure_is_one_line_of_the_log(
    address: str, account: CloudServer, output: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert not deliver(output, {"IMAGECLF_REPORTS_S3": address})
    (line,) = [one.message for one in caplog.records if one.name == "imageclf.profiler.delivery"]
    assert line.startswith("The profiler report was not put into S3: ")
    assert account


def test_nobody_is_asked_when_no_launcher_named_a_place(output: Path, tmp_path: Path) -> None:
    assert not deliver(output, {})
    assert not deliver(tmp_path / "absent", {"IMAGECLF_REPORTS_S3": "s3://delivered/x"})
