"""What all tests of the debugger share."""

import os
from collections.abc import Iterator

import pytest

from tests.local_test.cloud.servers import CloudServer, running_cloud


@pytest.fixture(autouse=True, scope="session")
def no_second_of_waiting() -> None:
    """smdebug waits a second before it reads a run that has ended, for files still on their way."""
    os.environ.setdefault("SMDEBUG_TRAINING_END_DELAY_REFRESH", "0")


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
