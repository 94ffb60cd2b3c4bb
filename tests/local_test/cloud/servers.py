"""Real endpoints in processes of their own, for the tests of what speaks to them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from local_test.cloud.cloud import Cloud
from local_test.cloud.holder import holder
from local_test.cloud.protocol import WRONG
from local_test.cloud.settings import CloudSettings

PATIENCE_S = 60.0
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class CloudServer:
    """An endpoint on the root `root`, on a free port, that judges its own answers by AWS's model.

    `settings` are fields of CloudSettings.
    """

    def __init__(self, root: Path, **settings: Any) -> None:
        wanted: dict[str, Any] = {"port": 0, "slots": 2, "runner": "process"}
        self._settings = CloudSettings(root=root, **wanted | {"stop_grace_s": 5.0} | settings)
        self._clients: dict[str, Any] = {}
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "local_test.cloud", "serve", "--strict"]
        environment = _without_aws(os.environ) | self._settings.environment()
        self._log = self._settings.root.with_name(f"{self._settings.root.name}.log")
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_S
        while (found := holder(self._settings.root)) is None or found.pid != self.process.pid:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        self.address = found.address
        port = int(found.address.rpartition(":")[2])
        self._settings = CloudSettings(**vars(self._settings) | {"port": port})
        self.cloud = Cloud.open(self._settings)

    def client(self, service: str, **more: Any) -> Any:
        """A client of boto3; the same one each time when nothing `more` is said."""
        if more or service not in self._clients:
            told = {"endpoint_url": self.address, "region_name": self._settings.region}
            made = boto3.client(service, **told | CREDENTIALS | more)
            if more:
                return made
            self._clients[service] = made
        return self._clients[service]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make any AWS client speak to it."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_REGION": self._settings.region,
            "AWS_DEFAULT_REGION": self._settings.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def log(self) -> str:
        """What it printed."""
        return self._log.read_text()

    def restart(self) -> None:
        """End it in order and start it again, at the same address."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Let it die as with `kill -9`; `start` starts it again."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self) -> None:
        """End it in order."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()


@contextmanager
def running_cloud(root: Path, **settings: Any) -> Iterator[CloudServer]:
    """An endpoint on `root`, ended with the block."""
    server = CloudServer(root, **settings)
    try:
        yield server
    finally:
        server.stop()
    assert WRONG not in server.log(), server.log()


def _without_aws(environment: "os._Environ[str]") -> dict[str, str]:
    ours = ("AWS_", "LOCAL_CLOUD_")
    return {name: value for name, value in environment.items() if not name.startswith(ours)}
