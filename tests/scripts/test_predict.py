import json
from pathlib import Path

import pytest

from scripts import predict
from tests.scripts.requests_of import faults


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG")
    return path


def test_a_dry_run_prints_a_request_that_aws_would_take(
    picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--endpoint", "flowers", "--top", "3", "--target-model", "tulips"]
    assert predict.main(["--dry-run", *flags, str(picture)], {}) == 0
    sent = json.loads(capsys.readouterr().out)
    request = sent["Request"]
    assert faults("InvokeEndpoint", {**request, "Body": b""}, "sagemaker-runtime") == []
    assert request["TargetModel"] == "tulips.tar.gz"
    assert request["ContentType"] == "image/png"


def test_a_picture_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert predict.main(["--dry-run", "nowhere.jpg"], {}) == 2
    assert "nowhere.jpg is not there" in capsys.readouterr().err


@pytest.mark.parametrize("top", ["0", "many", "1001"])
def test_a_number_of_classes_that_cannot_be_is_refused(
    picture: Path, top: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        predict.main([str(picture), "--top", top], {})
    assert refused.value.code == 2
    assert f"{top} is not a number of classes" in capsys.readouterr().err
