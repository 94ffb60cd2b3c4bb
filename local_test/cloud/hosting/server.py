"""One server of an endpoint: an instance with its model, from its start to its end.

It knows nothing of other servers, and of requests only how many it has.
"""

import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import urllib3

from imageclf.contract import DEFAULT_ROOT
from local_test.cloud import machines
from local_test.cloud.cloud import Cloud
from local_test.cloud.errors import ApiError
from local_test.cloud.hosting import artifacts
from local_test.cloud.hosting.deployment import Variant
from local_test.cloud.hosting.shelf import Shelf
from local_test.cloud.logs import ENDPOINTS
from local_test.cloud.machines import images, process
from local_test.cloud.machines.log_pump import LogPump
from local_test.cloud.machines.machine import Container, Instance, UnusableImageError
from local_test.cloud.machines.ports import free_port
from local_test.cloud.operations import Document
from local_test.cloud.settings import HOST, CloudSettings

PING_TIMEOUT_S = 2.0
STOP_S = 30.0
"""What a server has between SIGTERM and SIGKILL, as on SageMaker."""

_POLL_S = 0.05
_CONNECTIONS = 256
_REASON_LINE_CHARACTERS = 400
_REASON_BYTES = 16_384


class ServerError(Exception):
    """A server cannot be started, or ended before it was ready; the message is the reason."""


class Server:
    """A started instance.

    How many `requests` it has now, and when it was given the last one, is kept by the `Fleet` that
    it is in.
    """

    def __init__(self, cloud: Cloud, endpoint: str, known: Document, instance: Instance) -> None:
        self.known = known
        self.instance = instance
        self.id: str = known["id"]
        self.variant: str = known["variant"]
        self.deployment: str = known["deployment"]
        self.folder = Path(known["folder"])
        self.ready = False
        self.requests = 0
        self.given_at_s = 0.0
        self.started_s = time.monotonic()
        self.group, self.stream = ENDPOINTS + endpoint, f"{self.variant}/{self.id}"
        self.shelf = Shelf()
        self.pump = LogPump(cloud.logs, self.group, self.stream, self.folder / "log")
        self.connections = urllib3.HTTPConnectionPool(
            HOST, known["port"], maxsize=_CONNECTIONS, retries=False
        )

    @property
    def ml(self) -> Path:
        """What is /opt/ml inside."""
        return self.folder / "ml"

    @property
    def inside(self) -> Path:
        """Where the server sees `ml`."""
        return Path(self.known["inside"])

    def is_ended(self) -> bool:
        """Whether the instance runs no longer."""
        return self.instance.exit_code() is not None

    def answers_ping(self) -> bool:
        """Whether it says that it is ready, within the time that SageMaker gives it."""
        try:
            answer = self.connections.request("GET", "/ping", timeout=PING_TIMEOUT_S)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status == 200

    def last_line(self) -> str:
        """The last thing that it said."""
        try:
            with (self.folder / "log").open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _REASON_BYTES))
                lines = log.read().decode(errors="replace").split("\n")
        except OSError:
            return ""
        said = [line.strip() for line in lines if line.strip()]
        return said[-1][-_REASON_LINE_CHARACTERS:] if said else ""

    def stop(self, grace_s: float = STOP_S) -> None:
        """SIGTERM, `grace_s` for what it still does, SIGKILL; its log is kept."""
        self._signal("TERM", grace_s)
        self._signal("KILL", grace_s)
        self.connections.close()
        self.pump.close()

    def _signal(self, name: str, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        sent = False
        while not self.is_ended() and time.monotonic() < deadline:
            sent = sent or self.instance.send(name)
            time.sleep(_POLL_S)


def begin(
    cloud: Cloud,
    endpoint: str,
    variant: Variant,
    deployment: str,
    *,
    folder: Path,
    note: Callable[[Document], None],
) -> Server:
    """Fetch the model into a new folder below `folder`, and start a server on it.

    `note` is given what finds the server again after a restart.

    Raises:
        ServerError: the model cannot be had, or the image cannot be run.
    """
    number = f"i-{uuid.uuid4().hex[:17]}"
    own = folder / number
    container = _container(cloud.settings, endpoint, variant, own)
    try:
        if not variant.container.is_multi:
            artifacts.provide(cloud, variant.container, own / "ml" / "model")
        (own / "ml" / "models").mkdir(parents=True, exist_ok=True)
        instance = machines.start(cloud.settings, container)
        inside = _inside(cloud.settings, container)
    except (ApiError, UnusableImageError) as error:
        raise ServerError(str(error)) from error
    except OSError as error:
        raise ServerError(f"An instance cannot be started: {error}.") from error
    known = {
        "id": number,
        "variant": variant.name,
        "deployment": deployment,
        "folder": str(own),
        "inside": str(inside),
        "port": container.port,
        "handle": instance.handle,
    }
    note(known)
    return Server(cloud, endpoint, known, instance)


def adopted(cloud: Cloud, endpoint: str, known: Document) -> Server | None:
    """The server that an earlier process began, if it still runs."""
    instance = machines.adopt(cloud.settings, known["handle"])
    return None if instance is None else Server(cloud, endpoint, known, instance)


def _container(settings: CloudSettings, endpoint: str, variant: Variant, folder: Path) -> Container:
    own = variant.container
    environment = own.environment | {"SAGEMAKER_REGION": settings.region}
    if own.is_multi:
        environment["SAGEMAKER_MULTI_MODEL"] = "true"
    return Container(
        name=f"{endpoint}-{variant.name}-{folder.name}",
        image=own.image,
        arguments=("serve",),
        environment=environment,
        ml=folder / "ml",
        log=folder / "log",
        read_only=("models",) if own.is_multi else ("model",),
        port=free_port(),
    )


def _inside(settings: CloudSettings, container: Container) -> Path:
    is_private = images.place(settings, container.image) is not None or process.is_enclosed()
    return DEFAULT_ROOT if is_private else container.ml
