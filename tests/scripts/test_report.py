"""`scripts/report.sh`, on jobs of a real endpoint."""

import io
import sys
import tarfile
from pathlib import Path

import pytest

from scripts import reports
from scripts.report import is_watched, main
from tests.local_test.cloud.servers import CloudServer
from tests.scripts.launching import Done, call, launch
from tests.scripts.test_train import BUCKET, SLEEPS, start, until

WRITES = [
    "sh",
    "-c",
    "cd /opt/ml/output/data; mkdir profiler-reports; echo joint > report.html;"
    " echo old > profiler-report.html; echo {} > profiler-reports/StepOutlier.json;"
    " echo secret > labels.csv",
]


def report(server: CloudServer, folder: Path, *arguments: str | Path) -> Done:
    return call(main, *arguments, folder=folder, environment=server.environment)


@pytest.fixture(scope="module")
def job(cloud_server: CloudServer) -> str:
    """A job with reports in its output, and a newer one that a rule has made."""
    name = start(cloud_server, "reported", WRITES)
    until(cloud_server, name, "Completed")
    output = f"jobs/{name}/rule-output"
    for key, content in {
        "ProfilerReport-17/profiler-output/profiler-report.html": b"new",
        "ProfilerReport-17/profiler-output/profiler-reports/BatchSize.json": b"{}",
        "Overfit/debug-report.html": b"overfit",
    }.items():
        cloud_server.client("s3").put_object(Bucket=BUCKET, Key=f"{output}/{key}", Body=content)
    return name


def test_reports_of_rules_come_first_and_those_of_the_training_beside(
    cloud_server: CloudServer, job: str, tmp_path: Path
) -> None:
    done = report(cloud_server, tmp_path, job, "--into", "here")
    assert done.returncode == 0, done.stderr
    found = {str(path.relative_to(tmp_path / "here")) for path in (tmp_path / "here").rglob("*.*")}
    assert found == {
        "report.html",
        "profiler-report.html",
        "profiler-reports/BatchSize.json",
        "profiler-reports/StepOutlier.json",
        "Overfit/debug-report.html",
    }
    assert (tmp_path / "here" / "profiler-report.html").read_text() == "new"
    assert done.stdout.splitlines() == [
        "here/Overfit/debug-report.html",
        "here/profiler-report.html",
        "here/report.html",
    ]


def test_the_joint_page_is_opened_in_a_browser(
    cloud_server: CloudServer, job: str, tmp_path: Path
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    environment = {**cloud_server.environment, "BROWSER": str(browser)}
    done = launch("report", job, "--open", folder=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
    opened = (tmp_path / "opened").read_text().strip()
    assert opened.startswith("file:///")
    assert opened.endswith(f"/reports/{job}/report.html")
    assert Path(opened.removeprefix("file://")).read_text() == "joint\n"


def test_a_job_that_runs_or_left_nothing_is_said(cloud_server: CloudServer, tmp_path: Path) -> None:
    start(cloud_server, "silent", ["true"])
    until(cloud_server, "silent", "Completed")
    done = report(cloud_server, tmp_path, "silent")
    assert (done.returncode, done.stderr) == (
        12,
        "error: silent left no report; train with the hyperparameter profile=on, or "
        "debug=standard.\n",
    )
    start(cloud_server, "running", SLEEPS)
    until(cloud_server, "running", "Training")
    done = report(cloud_server, tmp_path, "running")
    assert done.stderr == (
        "error: running is InProgress and has no report yet; ask again when it has ended.\n"
    )
    cloud_server.client("sagemaker").stop_training_job(TrainingJobName="running")
    assert "AWS refused DescribeTrainingJob" in report(cloud_server, tmp_path, "no-job").stderr


def test_an_archive_leads_nowhere_else(cloud_server: CloudServer, tmp_path: Path) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name in ("../report.html", "profiler-reports/../../escaped.json", "report.html"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"text"))
        link = tarfile.TarInfo("debug-report.html")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    s3 = cloud_server.client("s3")
    s3.put_object(Bucket=BUCKET, Key="evil/job/output/output.tar.gz", Body=content.getvalue())
    s3.put_object(Bucket=BUCKET, Key="evil/job/rule-output/..//../x.html", Body=b"x")
    told = {"TrainingJobName": "job", "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/evil"}}
    found = reports.fetch(s3, told, tmp_path / "deep" / "here")
    assert found == [tmp_path / "deep" / "here" / "report.html"]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["report.html"]


@pytest.mark.parametrize(
    ("screen", "terminal", "opens"),
    [(True, True, True), (False, True, False), (True, False, False)],
)
def test_a_browser_opens_by_itself_only_for_a_person_at_a_screen(
    monkeypatch: pytest.MonkeyPatch, screen: bool, terminal: bool, opens: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if screen:
        monkeypatch.setenv("DISPLAY", ":0")
    assert is_watched() is opens
