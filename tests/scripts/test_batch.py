import json
from pathlib import Path

import pytest

from scripts import batch
from tests.scripts.requests_of import faults

MODEL = "s3://bucket/imageclf/job/output/model.tar.gz"


def test_a_dry_run_prints_requests_that_aws_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--model", MODEL, "--instances", "2", "--parallel", "8"]
    assert batch.main(["--dry-run", "s3://bucket/pictures", *flags], {}) == 0
    sent = json.loads(capsys.readouterr().out)
    assert [one["Operation"] for one in sent] == ["CreateModel", "CreateTransformJob"]
    for one in sent:
        assert faults(one["Operation"], one["Request"]) == []
    source = sent[1]["Request"]["TransformInput"]["DataSource"]["S3DataSource"]
    assert source["S3Uri"] == "s3://bucket/pictures/"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Name pictures"),
        (["nowhere"], "nowhere is not a folder"),
        (["s3://bucket/pictures", "--follow", "job"], "Name pictures"),
        (["s3://bucket/pictures", "--model", f"a={MODEL}", "--model", f"b={MODEL}"], "one model"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert batch.main(["--dry-run", *arguments], {}) == 2
    assert told in capsys.readouterr().err


def test_a_folder_without_pictures_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch.main(["--dry-run", str(tmp_path), "--model", MODEL], {}) == 2
    assert "holds no picture" in capsys.readouterr().err
