"""`imageclf analyze`, on folders and on S3."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from imageclf.__main__ import main
from imageclf.debugger.tensors.bucket import Bucket
from imageclf.errors import TensorsError
from tests.debugger.rules.test_foreign import THEIRS
from tests.debugger.tensors.saving import end, save_collections, save_step
from tests.local_test.cloud.servers import PATIENCE_S, CloudServer

RULES = "loss_not_decreasing(num_steps=2),exploding_tensor"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder, whose losses do not fall."""
    path = tmp_path_factory.mktemp("run")
    tensors = path / "output" / "tensors"
    save_collections(tensors, {"losses": ["loss"], "weights": ["w"]})
    for number in range(6):
        save_step(tensors, number, {"loss": [2.0], "w": [5.0 * number]})
    end(tensors)
    (path / "output" / "data").mkdir()
    return path


def analyze(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["analyze", *map(str, arguments)])
    return code, *capsys.readouterr()


def test_a_table_tells_how_the_rules_stand(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = analyze(capsys, root / "output" / "tensors", "--rules", RULES)
    head, first, second = said.splitlines()
    assert code == 0
    assert head.split() == ["rule", "status", "first", "finding"]
    assert first.startswith("LossNotDecreasing  IssuesFound")
    assert second == "ExplodingTensor    NoIssuesFound"


@pytest.mark.parametrize("place", ["", "output", "output/data", "output/tensors"])
def test_the_tensors_of_a_run_are_found(
    root: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, _ = analyze(capsys, root / place, "--rules", "exploding_tensor")
    assert (code, "NoIssuesFound" in said) == (0, True)


def test_findings_fail_the_command_only_when_asked(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert analyze(capsys, root, "--rules", RULES, "--fail-on-findings")[0] == 1
    assert analyze(capsys, root, "--rules", "exploding_tensor", "--fail-on-findings")[0] == 0


def test_results_are_kept_as_the_training_keeps_them(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.json"
    parameters = {"rule_to_invoke": "LossNotDecreasing", "num_steps": "2"}
    file.write_text(json.dumps([{"RuleConfigurationName": "mine", "RuleParameters": parameters}]))
    analyze(capsys, root, "--rules-file", file, "--output", tmp_path / "out")
    (told,) = json.loads((tmp_path / "out" / "rule_status.json").read_text())
    assert (told["RuleConfigurationName"], told["RuleEvaluationStatus"]) == ("mine", "IssuesFound")
    assert (tmp_path / "out" / "findings.jsonl").read_text().startswith('{"rule": "LossNotDec')
    assert "<html" in (tmp_path / "out" / "debug-report.html").read_text()


def test_live_ends_with_the_run(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        options = ("--live", "--rules", RULES, "--output", tmp_path)
        code, said, _ = analyze(capsys, root, *options)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert code == 0
    assert said.startswith("rule LossNotDecreasing: IssuesFound: ")
    assert said.splitlines()[-1] == "ExplodingTensor    NoIssuesFound"
    assert len(json.loads((tmp_path / "rule_status.json").read_text())) == 2


def test_a_users_rule_runs_beside_the_others(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "theirs.py"
    file.write_text(THEIRS)
    _, said, _ = analyze(capsys, root, "--module", f"{file}:LargeWeight")
    assert said.splitlines()[1].startswith("LargeWeight  IssuesFound")
    assert len(said.splitlines()) == 2
    asked = "exploding_tensor,LargeWeight(threshold=100)"
    _, said, _ = analyze(capsys, root, "--module", f"{file}:LargeWeight", "--rules", asked)
    assert said.splitlines()[2] == "LargeWeight      NoIssuesFound"
    assert len(said.splitlines()) == 3


def test_what_was_left_out_is_told_in_short(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(root, tmp_path / "run")
    for path in sorted((tmp_path / "run").rglob("*.tfevents"))[2:]:
        path.write_bytes(path.read_bytes()[:40])
    code, said, told = analyze(capsys, tmp_path / "run", "--rules", "exploding_tensor")
    assert (code, "NoIssuesFound" in said) == (0, True)
    first, total = told.splitlines()
    assert first.startswith("Step 2 is damaged: 2 of its tensors")
    assert total == "Altogether 8 tensors or steps could not be read."


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["absent"], 13, "absent holds no saved tensors"),
        (["s3://"], 13, "not an address of the form"),
        (["{root}", "--rules", "absent"], 2, "There is no rule 'absent'"),
        (["{root}", "--live"], 2, "--output"),
        (["{root}", "--module", "absent.py"], 2, "cannot be loaded"),
        (["{root}", "--rules-file", "absent.json"], 2, "cannot be read"),
        (["{root}", "--output", "/dev/null/x"], 13, "cannot be written"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    root: Path,
    arguments: list[str],
    code: int,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [argument.replace("{root}", str(root)) for argument in arguments]
    ended, _, said = analyze(capsys, *given)
    assert ended == code
    assert sentence in said
    assert said.count("\n") == 1


def test_the_command_imports_neither_torch_nor_smdebug(root: Path) -> None:
    program = (
        "import sys; from imageclf.__main__ import main;"
        "main(sys.argv[1:]);"
        "print(sorted({'torch', 'smdebug', 'boto3'} & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "analyze", str(root), "--rules", RULES],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == "[]\n"


@pytest.fixture
def s3(account: CloudServer) -> Any:
    client = account.client("s3")
    client.create_bucket(Bucket="tensors")
    return client


def upload(s3: Any, folder: Path, prefix: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), "tensors", f"{prefix}/{path.relative_to(folder)}")


def test_tensors_in_s3_are_judged_as_those_in_a_folder(
    s3: Any, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below a job's prefix, where SageMaker puts them."""
    upload(s3, root / "output" / "tensors", "jobs/mine/debug-output")
    told = {}
    for name, place in (("s3", "s3://tensors/jobs/mine/"), ("folder", root)):
        output = tmp_path / name
        code, said, _ = analyze(capsys, place, "--rules", RULES, "--output", output)
        assert code == 0
        told[name] = said, (output / "findings.jsonl").read_text()
    assert told["s3"] == told["folder"]
    assert "IssuesFound" in told["s3"][0]


def test_what_a_job_saves_to_s3_is_fetched_as_it_comes(s3: Any, root: Path, tmp_path: Path) -> None:
    now = [0.0]
    bucket = Bucket("s3://tensors/growing", tmp_path, clock=lambda: now[0])
    bucket.refresh()
    assert not any(tmp_path.iterdir())
    tensors = root / "output" / "tensors"
    upload(s3, tensors / "events", "growing/events")
    s3.put_object(Bucket="tensors", Key="growing/index/../../../escaped", Body=b"x")
    s3.put_object(Bucket="tensors", Key="growing/other/file", Body=b"x")
    bucket.refresh()
    assert not any(tmp_path.iterdir())  # it does not ask again at once
    now[0] = 10.0
    bucket.refresh()
    assert bucket.is_there
    upload(s3, tensors / "index", "growing/index")
    now[0] = 20.0
    bucket.refresh()
    found = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    wanted = [*(tensors / "events").rglob("*.tfevents"), *(tensors / "index").rglob("*.json")]
    assert found == {path.relative_to(tensors) for path in wanted}
    assert not (tmp_path.parent.parent / "escaped").exists()


def test_a_bucket_that_cannot_be_read_is_said(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(TensorsError, match="s3://absent-bucket/x cannot be fetched"):
        Bucket("s3://absent-bucket/x", tmp_path).refresh()


def test_a_prefix_without_tensors_is_said(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = analyze(capsys, "s3://tensors/nothing")
    assert (code, "holds no saved tensors" in said) == (13, True)


def said_by(server: CloudServer, job: str) -> list[str]:
    lines = server.cloud.logs.since(0)
    return [each.message for each in lines if each.stream.startswith(f"{job}/")]


def test_a_processing_job_judges_what_lies_in_s3(server: CloudServer, s3: Any, root: Path) -> None:
    upload(s3, root / "output" / "tensors", "jobs/other")
    sagemaker = server.client("sagemaker")
    at = "/opt/ml/processing"
    where = {"S3Uri": "s3://tensors/jobs/other", "LocalPath": f"{at}/tensors"}
    to = {"S3Uri": "s3://tensors/judged", "LocalPath": f"{at}/output", "S3UploadMode": "EndOfJob"}
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    sagemaker.create_processing_job(
        ProcessingJobName="judges",
        RoleArn="arn:aws:iam::123456789012:role/imageclf",
        ProcessingResources={"ClusterConfig": cluster},
        AppSpecification={
            "ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:1",
            "ContainerEntrypoint": [sys.executable, "-m", "imageclf", "analyze", f"{at}/tensors"],
            "ContainerArguments": ["--rules", RULES, "--output", f"{at}/output"],
        },
        ProcessingInputs=[
            {
                "InputName": "tensors",
                "S3Input": {**where, "S3DataType": "S3Prefix", "S3InputMode": "File"},
            }
        ],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "judged", "S3Output": to}]},
    )
    deadline_s = time.monotonic() + PATIENCE_S
    while (job := sagemaker.describe_processing_job(ProcessingJobName="judges"))[
        "ProcessingJobStatus"
    ] in {"InProgress", "Stopping"}:
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    assert job["ProcessingJobStatus"] == "Completed", said_by(server, "judges")
    kept = s3.get_object(Bucket="tensors", Key="judged/rule_status.json")["Body"].read()
    assert [each["RuleEvaluationStatus"] for each in json.loads(kept)] == [
        "IssuesFound",
        "NoIssuesFound",
    ]
