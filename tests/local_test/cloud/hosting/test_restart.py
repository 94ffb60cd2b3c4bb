import json
import os
from pathlib import Path

from botocore.exceptions import ClientError

from tests.local_test.cloud.hosting.parts import (
    BUCKET,
    archive,
    ask,
    begin,
    deploy,
    describe,
    is_running,
    make_config,
    make_model,
    put,
    remove,
    settled,
    until,
    variant,
)
from tests.local_test.cloud.hosting.test_runtime import CAPTURE
from tests.local_test.cloud.servers import CloudServer


def answers(server: CloudServer, endpoint: str) -> int | None:
    """The process that answers, if one does."""
    try:
        return int(ask(server, endpoint)["pid"])
    except ClientError:
        return None


def test_servers_outlive_a_killed_endpoint_and_are_found_again(cloud_server: CloudServer) -> None:
    put(cloud_server, "zoo/ant.tar.gz", archive({"name": b"ant"}))
    one = deploy(cloud_server, variant(make_model(cloud_server)))
    many = deploy(cloud_server, variant(make_model(cloud_server, f"s3://{BUCKET}/zoo/")))
    before = [ask(cloud_server, one)["pid"]]
    before += [ask(cloud_server, many, TargetModel="ant.tar.gz")["pid"]]
    cloud_server.kill()
    assert is_running(before[0])
    cloud_server.start()
    assert describe(cloud_server, one)["EndpointStatus"] == "InService"
    assert ask(cloud_server, one)["pid"] == before[0]
    assert ask(cloud_server, many, TargetModel="ant.tar.gz")["pid"] == before[1]
    os.kill(before[0], 9)
    until(lambda: answers(cloud_server, one) not in {None, before[0]})
    for endpoint in (one, many):
        remove(cloud_server, endpoint)
    assert not is_running(before[1])


def test_servers_that_died_with_the_endpoint_come_back(cloud_server: CloudServer) -> None:
    endpoint = deploy(cloud_server, variant(make_model(cloud_server)))
    pid = ask(cloud_server, endpoint)["pid"]
    cloud_server.kill()
    os.kill(pid, 9)
    until(lambda: not is_running(pid))
    cloud_server.start()
    assert settled(cloud_server, endpoint)["EndpointStatus"] == "InService"
    assert ask(cloud_server, endpoint)["pid"] != pid
    remove(cloud_server, endpoint)


def test_an_endpoint_that_cannot_come_back_at_once_can_be_deleted(
    cloud_server: CloudServer, tmp_path: Path
) -> None:
    marker = tmp_path / "ready"
    marker.touch()
    model = make_model(cloud_server, FAKE_READY_FILE=str(marker))
    endpoint = deploy(cloud_server, variant(model))
    cloud_server.stop()
    marker.unlink()
    cloud_server.start()
    assert describe(cloud_server, endpoint)["EndpointStatus"] == "SystemUpdating"
    remove(cloud_server, endpoint)


def test_what_was_being_made_is_made_after_a_restart(
    cloud_server: CloudServer, tmp_path: Path
) -> None:
    marker = tmp_path / "ready"
    model = make_model(cloud_server, FAKE_READY_FILE=str(marker))
    config = make_config(cloud_server, variant(model))
    endpoint = begin(cloud_server, config)
    until(lambda: (cloud_server.cloud.store.find("endpoint", endpoint) or {})["_servers"])
    cloud_server.kill()
    cloud_server.start()
    assert describe(cloud_server, endpoint)["EndpointStatus"] == "Creating"
    marker.touch()
    assert settled(cloud_server, endpoint)["EndpointStatus"] == "InService"
    remove(cloud_server, endpoint)


def test_an_update_that_was_interrupted_goes_on(cloud_server: CloudServer, tmp_path: Path) -> None:
    old = make_model(cloud_server)
    endpoint = deploy(cloud_server, variant(old))
    marker = tmp_path / "ready"
    new = make_model(cloud_server, FAKE_READY_FILE=str(marker))
    cloud_server.client("sagemaker").update_endpoint(
        EndpointName=endpoint, EndpointConfigName=make_config(cloud_server, variant(new))
    )
    until(lambda: len((cloud_server.cloud.store.find("endpoint", endpoint) or {})["_servers"]) == 2)
    cloud_server.kill()
    cloud_server.start()
    assert ask(cloud_server, endpoint)["model"] == old
    marker.touch()
    settled(cloud_server, endpoint)
    assert ask(cloud_server, endpoint)["model"] == new
    remove(cloud_server, endpoint)


def test_an_orderly_stop_stops_servers_and_loses_no_capture(cloud_server: CloudServer) -> None:
    put(cloud_server, "some", b"thing")
    endpoint = deploy(cloud_server, variant(make_model(cloud_server)), DataCaptureConfig=CAPTURE)
    pid = ask(cloud_server, endpoint, b"the last", InferenceId="last")["pid"]
    cloud_server.stop()
    assert not is_running(pid)
    (info,) = cloud_server.cloud.objects.list(BUCKET, f"captured/{endpoint}/")
    with cloud_server.cloud.objects.open(BUCKET, info.key) as file:
        assert json.loads(file.read())["eventMetadata"]["inferenceId"] == "last"
    cloud_server.start()
    assert settled(cloud_server, endpoint)["EndpointStatus"] == "InService"
    assert ask(cloud_server, endpoint)["pid"] != pid
    remove(cloud_server, endpoint)
