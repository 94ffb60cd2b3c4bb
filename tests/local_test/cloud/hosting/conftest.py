from collections.abc import Iterator

import pytest

from tests.local_test.cloud.servers import CloudServer, running_cloud


@pytest.fixture(scope="package")
def cloud_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    """One endpoint for all tests of hosting; whoever kills it starts it again."""
    with running_cloud(tmp_path_factory.mktemp("cloud") / "root") as server:
        yield server
