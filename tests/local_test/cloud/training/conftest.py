from collections.abc import Iterator

import pytest

from tests.local_test.cloud.servers import running_cloud
from tests.local_test.cloud.training.jobs import Jobs


@pytest.fixture(scope="package")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    """One endpoint for all modules whose jobs need no settings of their own."""
    with running_cloud(tmp_path_factory.mktemp("cloud") / "root") as server:
        yield Jobs(server)
