import json
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from imageclf.errors import SettingsError
from scripts import answers
from scripts.answers import Row

ROWS = [Row("a.jpg", "Ants", 0.9), Row("b.jpg", "Ants", 0.7), Row("c.jpg"), Row("d.jpg", "Bees", 1)]


def test_the_summary_counts_pictures_by_class_the_most_frequent_first() -> None:
    assert answers.summary(ROWS) == [
        ["class", "pictures", "mean probability"],
        ["Ants", "2", "0.8000"],
        ["(no answer)", "1", ""],
        ["Bees", "1", "1.0000"],
        ["all", "4", ""],
    ]


def test_the_csv_file_has_a_line_for_each_picture_without_an_answer_too(tmp_path: Path) -> None:
    answers.write(tmp_path / "new" / "answers.csv", [*ROWS[:1], Row("c, d.jpg")])
    assert (tmp_path / "new" / "answers.csv").read_text() == (
        'file,class,probability\na.jpg,Ants,0.900000\n"c, d.jpg",,\n'
    )
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["answers.csv"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="name another file with --out"):
        answers.write(tmp_path / "file" / "answers.csv", ROWS)


def test_each_picture_gets_the_answer_of_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    answer = {"predictions": [{"class": "Ants", "probability": 0.75}]}
    objects = {
        "in/": b"",
        "in/a.jpg": b"x",
        "in/sub/b.jpg": b"x",
        "in/c.jpg": b"x",
        "out/a.jpg.out": json.dumps(answer).encode(),
        "out/sub/b.jpg.out": b'{"predictions": []}',
        "out/c.jpg.out": b"<html>",
    }
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="bucket")
        for key, content in objects.items():
            s3.put_object(Bucket="bucket", Key=key, Body=content)
        found = answers.fetch(s3, "s3://bucket/in/", "s3://bucket/out")
    assert found == [Row("a.jpg", "Ants", 0.75), Row("c.jpg"), Row("sub/b.jpg")]
