from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_test.cloud.hosting.parts import (
    BUCKET,
    archive,
    ask,
    deploy,
    make_model,
    put,
    remove,
    unique,
    variant,
)
from tests.local_test.cloud.servers import CloudServer

PREFIX = "zoo/"


def put_model(server: CloudServer, name: str, content: str = "") -> None:
    put(server, f"{PREFIX}{name}.tar.gz", archive({"name": (content or name).encode()}))


def asked(server: CloudServer, endpoint: str, model: str) -> str:
    told: dict[str, Any] = ask(server, endpoint, TargetModel=f"{model}.tar.gz")
    return str(told["model"])


def loadings(server: CloudServer, endpoint: str) -> list[str]:
    events = server.cloud.logs.since(0)
    return [
        event.message.removeprefix("loads ")
        for event in events
        if event.group.endswith(endpoint) and event.message.startswith("loads ")
    ]


@pytest.fixture(scope="module")
def zoo(cloud_server: CloudServer) -> Iterator[str]:
    """A multi-model endpoint that has room for two models."""
    for name in ("ant", "bee", "cat"):
        put_model(cloud_server, name)
    put(cloud_server, f"{PREFIX}nameless.tar.gz", archive({"else": b""}))
    put(cloud_server, f"{PREFIX}hostile.tar.gz", archive({"../name": b"x"}))
    model = make_model(cloud_server, f"s3://{BUCKET}/{PREFIX}", FAKE_ROOM="2")
    endpoint = deploy(cloud_server, variant(model))
    yield endpoint
    remove(cloud_server, endpoint)


def test_each_model_answers_for_itself_and_makes_room_for_another(
    cloud_server: CloudServer, zoo: str
) -> None:
    assert [asked(cloud_server, zoo, one) for one in ("ant", "bee", "ant")] == ["ant", "bee", "ant"]
    put_model(cloud_server, "bee", "new bee")
    assert asked(cloud_server, zoo, "bee") == "bee"
    assert asked(cloud_server, zoo, "ant") == "ant"
    assert asked(cloud_server, zoo, "cat") == "cat"  # bee, unused for longest, makes room
    assert asked(cloud_server, zoo, "ant") == "ant"
    assert asked(cloud_server, zoo, "bee") == "new bee"


def test_many_callers_load_a_model_once(cloud_server: CloudServer) -> None:
    name = unique("model")
    put_model(cloud_server, name)
    endpoint = deploy(cloud_server, variant(make_model(cloud_server, f"s3://{BUCKET}/{PREFIX}")))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: asked(cloud_server, endpoint, name), range(16)))
    assert answers == [name] * 16
    remove(cloud_server, endpoint)
    assert loadings(cloud_server, endpoint) == [name]


def test_a_model_that_the_container_has_lost_is_loaded_again(
    cloud_server: CloudServer, zoo: str
) -> None:
    assert asked(cloud_server, zoo, "ant") == "ant"
    assert ask(cloud_server, zoo, b"lose", TargetModel="ant.tar.gz")["model"] == "ant"
    with pytest.raises(ClientError) as refused:
        ask(cloud_server, zoo, b"status 404", TargetModel="ant.tar.gz")
    assert refused.value.response["OriginalStatusCode"] == 404


def test_a_prediction_that_lacks_memory_is_made_again_once_others_are_unloaded(
    cloud_server: CloudServer, zoo: str
) -> None:
    for name in ("cat", "ant"):
        asked(cloud_server, zoo, name)
    assert ask(cloud_server, zoo, b"full", TargetModel="ant.tar.gz")["model"] == "ant"


def test_a_model_that_is_not_there_is_told_with_its_place(
    cloud_server: CloudServer, zoo: str
) -> None:
    with pytest.raises(ClientError, match=r"Failed to download model data\(bucket: hosting") as no:
        asked(cloud_server, zoo, "dodo")
    assert no.value.response["Error"]["Code"] == "ValidationError"


def test_a_request_without_a_model_is_refused(cloud_server: CloudServer, zoo: str) -> None:
    with pytest.raises(ClientError, match="is missing a target model header"):
        ask(cloud_server, zoo)


def test_a_model_that_cannot_be_loaded_is_the_containers_error(
    cloud_server: CloudServer, zoo: str
) -> None:
    with pytest.raises(ClientError, match="It has no name") as refused:
        asked(cloud_server, zoo, "nameless")
    assert refused.value.response["OriginalStatusCode"] == 422


def test_a_hostile_archive_is_not_unpacked(cloud_server: CloudServer, zoo: str) -> None:
    with pytest.raises(ClientError, match="not safe to unpack"):
        asked(cloud_server, zoo, "hostile")
    assert asked(cloud_server, zoo, "ant") == "ant"
