from pathlib import Path

import pytest

from local_test.cloud.cloud import Cloud
from local_test.cloud.hosting import hosts, states
from local_test.cloud.hosting.containers import ModelContainer
from local_test.cloud.hosting.deployment import Deployment, Variant
from local_test.cloud.operations import Document
from local_test.cloud.settings import CloudSettings
from tests.local_test.cloud.hosting.parts import FAKE_IMAGE, IMAGE, until


@pytest.mark.parametrize("active", [False, True])
def test_a_container_that_never_becomes_ready_is_given_up_in_time(
    tmp_path: Path, active: bool
) -> None:
    cloud = Cloud.open(CloudSettings(root=tmp_path / "root", runner="process"))
    environment = {"PYTHONPATH": str(FAKE_IMAGE), "FAKE_READY_FILE": "/never"}
    slow = Variant("a", ModelContainer(IMAGE, environment), 1, 1.0, startup_timeout_s=0.3)
    document = states.created("slow", "arn", Deployment("1", "config", (slow,)))
    if active:
        states.set_active(document, Deployment("1", "config", (slow,)))
        states.set_status(document, states.RESTARTING)
    cloud.store.create(states.KIND, "slow", document)
    hosts.resume(cloud)

    def found() -> Document:
        return cloud.store.find(states.KIND, "slow") or {}

    until(lambda: found()["EndpointStatus"] == states.FAILED)
    assert "did not pass the ping health check" in found()["FailureReason"]
    until(lambda: found()["_servers"] == [])
    hosts.end(cloud)
