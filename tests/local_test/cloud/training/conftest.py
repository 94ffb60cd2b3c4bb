import pytest

from tests.local_test.cloud.servers import CloudServer
from tests.local_test.cloud.training.jobs import Jobs


@pytest.fixture(scope="module")
def jobs(cloud_server: CloudServer) -> Jobs:
    return Jobs(cloud_server)
