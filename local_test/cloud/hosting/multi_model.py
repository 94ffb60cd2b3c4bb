"""Models of a multi-model endpoint: fetched and loaded when they are asked for, unloaded for room.

A model's archive is read when the model is loaded; a changed one is seen only after the model had
to make room for another, as on SageMaker.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import artifacts, forward
from local_test.cloud.hosting.fleet import Lease
from local_test.cloud.hosting.server import Server
from local_test.cloud.objects import uri
from local_test.cloud.objects.store import NoSuchBucketError, NoSuchKeyError

LOAD_TIMEOUT_S = 300.0
_NAME_CHARACTERS = 32
_JSON = {"Content-Type": "application/json"}
_LOADED = (200, 409)
_FULL = "There is no memory for one more model, and all that are loaded are in use; try again."

NO_ROOM, NOT_LOADED = 507, 404
"""What a container says when it is out of memory, and when it has no such model."""

OnFigure = Callable[[str, float], None]
"""Is given a figure of CloudWatch: its name, and its value."""


class LoadError(Exception):
    """The container refused a model; `answer` is what it said."""

    def __init__(self, answer: forward.Answer) -> None:
        super().__init__(f"The model cannot be loaded ({answer.status}).")
        self.answer = answer


def name_of(target_model: str) -> str:
    """What a model is called inside the container."""
    return hashlib.sha256(target_model.encode()).hexdigest()[:_NAME_CHARACTERS]


@contextmanager
def using(cloud: Cloud, lease: Lease, target_model: str, note: OnFigure) -> Iterator[str]:
    """The model is loaded while the block runs; yields the path that predictions are asked at.

    Raises:
        ApiError: there is no such model, or no room for it.
        LoadError: the container does not take it.
        forward.SilentError, forward.NobodyError: the container does not answer.
    """
    name = name_of(target_model)
    shelf = lease.server.shelf

    def load() -> None:
        began = time.monotonic()
        _load(cloud, lease, target_model, name)
        note("ModelLoadingWaitTime", (time.monotonic() - began) * 1e6)

    with shelf.using(name, load) as was_there:
        note("ModelCacheHit", float(was_there))
        note("LoadedModelCount", float(shelf.count))
        yield f"/models/{name}/invoke"


def is_lost(server: Server, target_model: str) -> bool:
    """Whether the container, asked, knows nothing of a model that was loaded.

    What else it has lost is then forgotten too.

    Raises:
        forward.SilentError, forward.NobodyError: the container does not answer.
    """
    name = name_of(target_model)
    answer = forward.ask(server, "GET", f"/models/{name}", timeout_s=LOAD_TIMEOUT_S)
    if answer.status != NOT_LOADED:
        return False
    server.shelf.forget(name)
    recall(server)
    return True


def make_room(server: Server) -> bool:
    """Unload the model that nobody has used for longest; false when all of them are in use.

    Raises:
        forward.SilentError, forward.NobodyError: the container does not answer.
    """
    name = server.shelf.pick_idle()
    if name is None:
        return False
    try:
        forward.ask(server, "DELETE", f"/models/{name}", timeout_s=LOAD_TIMEOUT_S)
        shutil.rmtree(server.ml / "models" / name, ignore_errors=True)
    finally:
        server.shelf.dropped(name)
    return True


def recall(server: Server) -> None:
    """Learn from a server itself which models it has loaded, if it answers."""
    try:
        answer = forward.ask(server, "GET", "/models?limit=1000", timeout_s=LOAD_TIMEOUT_S)
        names = [str(one["modelName"]) for one in json.loads(answer.body)["models"]]
    except (forward.SilentError, forward.NobodyError, ValueError, KeyError, TypeError):
        return
    server.shelf.correct(names)


def _load(cloud: Cloud, lease: Lease, target_model: str, name: str) -> None:
    folder = lease.server.ml / "models" / name
    _fetch(cloud, lease, target_model, folder)
    url = lease.server.inside / "models" / name / "model"
    body = json.dumps({"model_name": name, "url": str(url)}).encode()
    answer = _post(lease.server, body)
    while answer.status == NO_ROOM:
        if not make_room(lease.server):
            raise ApiError("ModelNotReadyException", _FULL, 429)
        answer = _post(lease.server, body)
    if answer.status not in _LOADED:
        shutil.rmtree(folder, ignore_errors=True)
        raise LoadError(answer)


def _post(server: Server, body: bytes) -> forward.Answer:
    return forward.ask(server, "POST", "/models", body, _JSON, timeout_s=LOAD_TIMEOUT_S)


def _fetch(cloud: Cloud, lease: Lease, target_model: str, folder: Path) -> None:
    """Unpack the model's archive, unless it lies there from an earlier loading."""
    address = uri.join(lease.variant.container.data, target_model)
    bucket, key = uri.split(address)
    try:
        cloud.objects.info(bucket, key)
    except (NoSuchBucketError, NoSuchKeyError) as error:
        raise ApiError(
            "ValidationError",
            f"Failed to download model data(bucket: {bucket}, key: {key}). Please ensure that "
            "there is an object located at the URL and that the role passed to CreateModel has "
            "permissions to download the model.",
        ) from error
    shutil.rmtree(folder, ignore_errors=True)
    try:
        artifacts.unpack(cloud, address, folder / "model")
    except ApiError as error:
        raise ApiError("ValidationError", error.message) from error
