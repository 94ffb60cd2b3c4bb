"""The server as a container or as a plain process: both can be started and told to end."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imageclf.contract import DEFAULT_ROOT, ROOT_VARIABLE
from local_test import docker
from local_test.folders import Owner

COMMAND = (sys.executable, "-m", "imageclf", "serve")

_HOST = "IMAGECLF_HOST"
_PORT = "IMAGECLF_PORT"
_MULTI_MODEL = "SAGEMAKER_MULTI_MODEL"
_HANDED_ON = ("IMAGECLF_", "SAGEMAKER_MODEL_SERVER_")


@dataclass(frozen=True)
class ProcessServer:
    """`python -m imageclf serve` of this Python environment, with `root` as its /opt/ml."""

    root: Path
    port: int
    multi: bool
    log: Path
    command: Sequence[str] = COMMAND
    container: str = ""
    client: str = ""

    def start(self) -> "subprocess.Popen[bytes]":
        # Unlike in a container, it would be reached from the whole network.
        settings = {ROOT_VARIABLE: str(self.root), _HOST: os.environ.get(_HOST, "127.0.0.1")}
        settings |= _settings(self.port, self.multi)
        with self.log.open("wb") as log:
            return subprocess.Popen(
                self.command,
                env=os.environ | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, child: "subprocess.Popen[bytes]", signal_name: str) -> bool:
        child.send_signal(signal.Signals[f"SIG{signal_name}"])
        return True


@dataclass(frozen=True)
class DockerServer:
    """The image, with each model mounted read-only; `models` are folders by place in /opt/ml."""

    models: Mapping[str, Path]
    port: int
    multi: bool
    log: Path
    engine: docker.Engine
    image: str
    owner: Owner
    container: str = field(default_factory=lambda: f"imageclf-{uuid.uuid4().hex[:12]}")

    @property
    def root(self) -> Path:
        """Where the server sees what lies below /opt/ml."""
        return DEFAULT_ROOT

    @property
    def client(self) -> str:
        """The Docker client that reaches the container."""
        return self.engine.client

    def start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("wb") as log:
            return subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, _child: "subprocess.Popen[bytes]", signal_name: str) -> bool:
        return docker.send_signal(self.engine.client, self.container, signal_name)

    def _command(self) -> list[str]:
        given = {name: text for name, text in os.environ.items() if name.startswith(_HANDED_ON)}
        settings = given | _settings(self.port, self.multi)
        return docker.serve_command(
            self.engine,
            self.image,
            self.owner,
            self.container,
            port=self.port,
            models={str(self.root / place): folder for place, folder in self.models.items()},
            settings=settings,
        )


Server = ProcessServer | DockerServer


def _settings(port: int, multi: bool) -> dict[str, str]:
    return {_PORT: str(port), _MULTI_MODEL: str(multi).lower()}
