"""What is kept of the rules as files."""

import json
import math
from datetime import datetime
from pathlib import Path

import numpy as np

from imageclf.rules.configuration import RuleConfiguration
from imageclf.rules.engine import RuleState
from imageclf.rules.finding import Finding, Status
from imageclf.rules.status import StatusFiles, as_json


def finding(value: float = 1.0) -> Finding:
    details = {"worst": np.float32(math.inf), "counts": np.arange(3), "3": (math.nan, "x")}
    return Finding("Fake", 7, "TRAIN", 7, "a", value, 0.0, "It is.", "So.", "Do.", details=details)


def state(**changes: object) -> RuleState:
    made = RuleState(RuleConfiguration("mine", "Fake"), changed_at=1_700_000_000.25)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_status_is_shaped_as_in_an_answer_of_sagemaker() -> None:
    content = as_json(state(status=Status.ISSUES, details="x" * 2000))
    assert content.pop("StatusDetails") == "x" * 1024
    assert content == {
        "RuleConfigurationName": "mine",
        "RuleEvaluationJobArn": "",
        "RuleEvaluationStatus": "IssuesFound",
        "LastModifiedTime": "2023-11-14T22:13:20.250+00:00",
    }
    assert datetime.fromisoformat(content["LastModifiedTime"]).timestamp() == 1_700_000_000.25


def test_findings_are_lines_of_strict_json(tmp_path: Path) -> None:
    files = StatusFiles(tmp_path / "data")
    files.add(finding(math.nan))
    files.write([])
    files.add(finding(2.0))
    files.write([])
    lines = (tmp_path / "data" / "findings.jsonl").read_text().splitlines()
    first, second = (json.loads(line, parse_constant=int) for line in lines)  # int("NaN") fails
    assert (first["value"], second["value"]) == (None, 2.0)
    assert first["details"] == {"worst": None, "counts": [0, 1, 2], "3": [None, "x"]}


def test_an_earlier_evaluation_is_replaced(tmp_path: Path) -> None:
    for name in ("rule_status.json", "findings.jsonl"):
        (tmp_path / name).write_text("earlier")
    StatusFiles(tmp_path).write([state()])
    assert (tmp_path / "findings.jsonl").read_text() == ""
    (told,) = json.loads((tmp_path / "rule_status.json").read_text())
    assert told["RuleEvaluationStatus"] == "InProgress"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "findings.jsonl",
        "rule_status.json",
    ]


def test_what_could_not_be_written_is_written_once_there_is_room(tmp_path: Path) -> None:
    """A file in the folder's place stands for a disk that cannot be written."""
    folder = tmp_path / "data"
    folder.write_text("")
    files = StatusFiles(folder)
    files.add(finding())
    files.write([state()])
    assert files.failure.startswith(f"{folder} cannot be written")
    folder.unlink()
    files.write([state(status=Status.ISSUES)])
    assert files.failure == ""
    assert len((folder / "findings.jsonl").read_text().splitlines()) == 1
    assert "IssuesFound" in (folder / "rule_status.json").read_text()
