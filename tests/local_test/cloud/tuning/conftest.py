from collections.abc import Iterator
from pathlib import Path

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.settings import CloudSettings
from local_test.cloud.tuning import tuners
from tests.local_test.cloud.servers import CloudServer, running_cloud
from tests.local_test.cloud.tuning.fake_training import FakeTraining
from tests.local_test.cloud.tuning.tuning_jobs import BUCKET


@pytest.fixture(scope="session")
def tuning_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    """An endpoint with slots for four instances, and a bucket."""
    with running_cloud(tmp_path_factory.mktemp("cloud") / "root", slots=4) as server:
        server.client("s3").create_bucket(Bucket=BUCKET)
        yield server


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the program of the training jobs goes."""
    return tmp_path_factory.mktemp("program")


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud.open(CloudSettings(root=tmp_path / "root", runner="process"))


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    fake = FakeTraining()
    monkeypatch.setattr("local_test.cloud.tuning.tuner.jobs", fake)
    monkeypatch.setattr(tuners, "start", lambda *_: None)
    monkeypatch.setattr(tuners, "ensure", lambda *_: None)
    return fake
