"""`imageclf analyze` where a run has left a profile, alone or beside saved tensors."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from imageclf.__main__ import main
from imageclf.profiler import names
from tests.account import account, server
from tests.debugger.tensors.saving import end, save_collections, save_step
from tests.local_test.cloud.servers import CloudServer
from tests.profiler.made import Made
from tests.profiler.managed.service import Hook, line, write_system

__all__ = ["account", "server"]

STALLS = "step_outlier(n_outliers=5)"


def write_profile(folder: Path) -> None:
    """Thirty seconds without a GPU; every twentieth step stalls."""
    profile = Made(folder)
    profile.system("algo-1", np.arange(0, 40, 0.5), {names.CPU: 60.0, "cpu0": 60.0})
    took = np.full(300, 100.0)
    took[::20] = 900.0
    profile.steps("algo-1-0", np.arange(5, 35, 0.1), {names.TOOK: took, names.IMAGES: 8})
    profile.worker("algo-1-0", host="algo-1", device="cpu", cores=1, batch_size=8)
    profile.end()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a profile, and with tensors whose loss does not fall."""
    path = tmp_path_factory.mktemp("run")
    tensors = path / "output" / "tensors"
    save_collections(tensors, {"losses": ["loss"]})
    for number in range(6):
        save_step(tensors, number, {"loss": [2.0]})
    end(tensors)
    write_profile(path / "output" / "profiler")
    (path / "output" / "data").mkdir()
    return path


def analyze(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["analyze", *map(str, arguments)])
    return code, *capsys.readouterr()


@pytest.mark.parametrize("place", ["", "output", "output/data", "output/profiler"])
def test_the_profile_of_a_run_is_found_and_judged(
    root: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, _ = analyze(capsys, root / place, "--rules", f"{STALLS},LowGPUUtilization")
    assert code == 0
    assert said.splitlines()[1].startswith("StepOutlier        IssuesFound  ")
    assert said.splitlines()[2] == "LowGPUUtilization  Stopped      No GPU: not evaluated."


def test_rules_of_both_kinds_stand_in_one_table(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = f"loss_not_decreasing(num_steps=2),{STALLS}"
    options = ("--rules", asked, "--output", tmp_path, "--no-pages", "--fail-on-findings")
    code, said, _ = analyze(capsys, root, *options)
    assert code == 1
    assert [row.split()[:2] for row in said.splitlines()[1:]] == [
        ["LossNotDecreasing", "IssuesFound"],
        ["StepOutlier", "IssuesFound"],
    ]
    assert {path.name for path in tmp_path.iterdir()} == {
        "rule_status.json",
        "findings.jsonl",
        "profiler_rule_status.json",
        "profiler_findings.jsonl",
        "profiler-reports",
    }


def test_without_rules_what_is_there_is_judged_by_the_standard_ones(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, of_profile, _ = analyze(capsys, root / "output" / "profiler")
    _, of_tensors, _ = analyze(capsys, root / "output" / "tensors")
    _, of_both, _ = analyze(capsys, root)
    rows = [
        {line.split()[0] for line in said.splitlines()[1:]} for said in (of_profile, of_tensors)
    ]
    assert "StepOutlier" in rows[0]
    assert "Overfit" in rows[1]
    assert not rows[0] & rows[1]
    assert {line.split()[0] for line in of_both.splitlines()[1:]} == rows[0] | rows[1]


def test_the_report_is_made_with_the_price_that_is_given(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, _ = analyze(
        capsys, root, "--rules", "profiler_report", "--output", tmp_path, "--price", "3.6"
    )
    assert code == 0
    assert "<html" in (tmp_path / "profiler-report.html").read_text()
    summary = json.loads((tmp_path / "profiler-reports" / "summary.json").read_text())
    assert summary["facts"]["dollars_an_hour"] == 3.6
    assert (tmp_path / "profiler-reports" / "StepOutlier.json").exists()


def test_live_judges_tensors_and_profile_until_both_have_ended(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    asked = f"loss_not_decreasing(num_steps=2),{STALLS}"
    try:
        options = ("--live", "--rules", asked, "--output", tmp_path, "--no-pages")
        code, said, _ = analyze(capsys, root, *options)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert code == 0
    assert "rule StepOutlier: IssuesFound: " in said
    for name in ("rule_status.json", "profiler_rule_status.json"):
        (told,) = json.loads((tmp_path / name).read_text())
        assert told["RuleEvaluationStatus"] == "IssuesFound"


def test_a_profile_of_the_managed_service_is_judged_likewise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it lies in S3, below a job."""
    service = tmp_path / "job" / "profiler-output"
    write_system(service, [line("cpu", "cpu0", "CPUUtilization", 50.0, at / 2) for at in range(80)])
    hook = Hook(service)
    for number in range(150):
        hook.step(number, 5.0 + number * 0.2, data_s=0.15 if number % 20 == 0 else 0.01)
    hook.close()
    code, said, told = analyze(
        capsys, tmp_path / "job", "--rules", f"{STALLS},OverallSystemUsage,ProfilerReport"
    )
    assert (code, told) == (0, "")
    assert said.splitlines()[1].startswith("StepOutlier         IssuesFound")
    assert said.splitlines()[2].startswith("OverallSystemUsage  NoIssuesFound")


@pytest.mark.parametrize(
    ("place", "rules", "code", "sentence"),
    [
        ("output/tensors", "step_outlier", 15, "holds no profile; name the folder"),
        ("output/profiler", "overfit", 13, "holds no saved tensors; name the folder"),
        ("absent", "standard", 13, "holds no saved tensors and no profile; name"),
        ("output", "step_outliers", 2, "did you mean StepOutlier?"),
        ("output", "step_outlier(stdev=3)", 2, "Rule StepOutlier has no parameter stdev"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(
    root: Path,
    place: str,
    rules: str,
    code: int,
    *,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended, _, said = analyze(capsys, root / place, "--rules", rules)
    assert ended == code
    assert sentence in said
    assert said.count("\n") == 1


def test_a_profile_in_s3_is_judged_as_one_in_a_folder(
    root: Path, account: CloudServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below a job's prefix, where SageMaker puts it; names that lead elsewhere are passed over."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket="profiles")
    folder = root / "output" / "profiler"
    for path in folder.rglob("*"):
        if path.is_file():
            key = f"jobs/mine/profiler-output/{path.relative_to(folder)}"
            s3.upload_file(str(path), "profiles", key)
    s3.put_object(Bucket="profiles", Key="jobs/mine/profiler-output/system/../../x", Body=b"x")
    _, here, _ = analyze(capsys, folder)
    code, there, _ = analyze(capsys, "s3://profiles/jobs/mine")
    assert (code, there) == (0, here)
    code, _, said = analyze(capsys, "s3://profiles/nothing", "--rules", "step_outlier")
    assert (code, "holds no profile" in said) == (15, True)
