from collections.abc import Iterator

import pytest

from tests.local_test.cloud.servers import CloudServer, running_cloud


@pytest.fixture(scope="package")
def cloud_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    """A real endpoint in a process of its own; one for all tests of this folder."""
    with running_cloud(tmp_path_factory.mktemp("cloud") / "root") as server:
        yield server
