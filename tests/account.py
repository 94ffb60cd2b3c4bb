"""A local cloud that stands in for an AWS account, shared by the tests that only need one."""

from collections.abc import Iterator

import pytest

from tests.local_test.cloud.servers import CloudServer, running_cloud


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudServer]:
    with running_cloud(tmp_path_factory.mktemp("cloud") / "root") as made:
        yield made


@pytest.fixture
def account(server: CloudServer, monkeypatch: pytest.MonkeyPatch) -> CloudServer:
    """The local cloud, as this process's own account."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server
