from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.clients import Clients
from tests.local_test.cloud.servers import CloudServer, running_cloud
from tests.local_test.conftest import insects
from tests.training import runs

__all__ = ["insects"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever lies here needs the clients' own environment."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.clients)


@pytest.fixture(scope="package")
def cloud_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    """One endpoint for all clients."""
    with running_cloud(tmp_path_factory.mktemp("cloud") / "root") as server:
        yield server


@pytest.fixture(scope="package")
def clients(cloud_server: CloudServer, tmp_path_factory: pytest.TempPathFactory) -> Clients:
    """The programs of the clients' environment, told of the endpoint by variables only."""
    return Clients(cloud_server, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="package")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures to train with."""
    folder = tmp_path_factory.mktemp("pictures")
    runs.write_pictures(folder)
    return folder
