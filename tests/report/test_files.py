import json
import math
from pathlib import Path

import pytest

from imageclf.errors import ReportError
from imageclf.report.files import read_run
from tests.report.sample import edit_json, write_run


def test_a_completed_run_is_read_whole(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, epochs=3))
    assert run.gaps == {}
    assert [epoch["epoch"] for epoch in run.epochs] == [1, 2, 3]
    assert run.evaluation is not None
    assert run.data is not None
    assert run.data.left_out[0].file == "train/ants/imageNotFound.gif"


def test_without_a_summary_the_error_says_what_folder_to_give(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"did not write summary\.json.*output/data"):
        read_run(tmp_path)


def test_a_damaged_file_costs_only_itself(tmp_path: Path) -> None:
    write_run(tmp_path)
    (tmp_path / "evaluation.json").write_text('{"split": "valid')
    run = read_run(tmp_path)
    assert run.evaluation is None
    assert "evaluation.json is damaged" in run.gaps["evaluation.json"]
    assert run.data is not None


def test_a_file_that_does_not_fit_names_the_field(tmp_path: Path) -> None:
    edit_json(write_run(tmp_path) / "evaluation.json", images="many")
    assert "evaluation.json does not fit: images:" in read_run(tmp_path).gaps["evaluation.json"]


def test_a_confusion_matrix_that_is_not_square_is_refused(tmp_path: Path) -> None:
    edit_json(write_run(tmp_path) / "evaluation.json", confusion=[[1, 2], [3]])
    assert "not square" in read_run(tmp_path).gaps["evaluation.json"]


def test_a_line_cut_off_by_a_kill_is_left_out_and_said(tmp_path: Path) -> None:
    with (write_run(tmp_path, epochs=2) / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "train:lo')
    run = read_run(tmp_path)
    assert len(run.epochs) == 2
    assert run.gaps["metrics.jsonl"].startswith("1 damaged line(s)")


def test_an_epoch_repeated_after_a_resume_counts_once_as_last_written(tmp_path: Path) -> None:
    write_run(tmp_path)
    lines = [
        {"epoch": 1, "train:loss": 3},
        {"epoch": 2, "train:loss": 2},
        {"epoch": 2, "train:loss": 1},
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [epoch["train:loss"] for epoch in read_run(tmp_path).epochs] == [3, 1]


def test_null_and_nan_read_as_not_a_number(tmp_path: Path) -> None:
    write_run(tmp_path)
    (tmp_path / "metrics.jsonl").write_text(
        '{"epoch": 1, "train:loss": NaN, "validation:loss": null}\n{"epoch": null}\n'
    )
    run = read_run(tmp_path)
    assert len(run.epochs) == 1
    assert math.isnan(run.epochs[0]["train:loss"])
    assert math.isnan(run.epochs[0]["validation:loss"])


def test_settings_written_as_numbers_read_as_text(tmp_path: Path) -> None:
    edit_json(
        write_run(tmp_path) / "summary.json", hyperparameters={"lr": 0.1, "x": None, "y": True}
    )
    assert read_run(tmp_path).summary.hyperparameters == {"lr": "0.1", "x": "null", "y": "true"}
