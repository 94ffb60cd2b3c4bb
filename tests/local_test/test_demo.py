"""What `make demo` promises beside its steps, which the project's checks run whole."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test import demo
from local_test.cloud.holder import holder
from local_test.demo import Demo, Step


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where demos are kept; below the project, whose commands name it."""
    folder = demo.ROOT / "local_test" / "run" / f"test-{tmp_path.parent.name}-{tmp_path.name}"
    monkeypatch.setattr(demo, "RUNS", folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_nothing_of_the_users_account_reaches_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("LOCAL_CLOUD_PORT", "4577")
    environment = Demo(demo.RUNS / "one").environment
    assert "AWS_PROFILE" not in environment
    assert environment["LOCAL_CLOUD_PORT"] == "0"


def test_a_step_that_fails_stops_the_cloud_and_ends_with_its_code(
    runs: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = [
        Step("good", ["sh", "-c", "echo $AWS_ENDPOINT_URL"]),
        Step("bad", ["sh", "-c", "exit 3"]),
    ]
    monkeypatch.setattr(Demo, "steps", lambda _: steps)
    assert demo.main() == 3
    told = capfd.readouterr()
    assert "\nhttp://127.0.0.1:" in told.out
    assert "Stopped the local cloud" in told.out
    assert "ended with exit code 3; the cloud's files are in" in told.err
    (folder,) = runs.iterdir()
    assert holder(folder / "cloud") is None
