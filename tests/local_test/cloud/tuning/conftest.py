from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_test.cloud.servers import CloudServer, running_cloud
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
