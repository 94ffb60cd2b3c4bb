"""A local cloud of the bench's own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil

from local_test.cloud.holder import holder
from local_test.cloud.settings import CloudSettings

BUCKET = "bench"
ROLE = "arn:aws:iam::123456789012:role/bench"
IMAGE = "imageclf:latest"

_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.02
_SETTLE_S = 3.0


@dataclass(frozen=True)
class LocalCloud:
    """One that answers."""

    address: str
    process: psutil.Process
    ready_s: float

    def client(self, service: str) -> Any:
        """A client of boto3."""
        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="bench",
            aws_secret_access_key="bench",  # noqa: S106  not checked
        )

    def idle_mib(self) -> float:
        """Proportional memory of the endpoint's process, a while after its last request."""
        time.sleep(_SETTLE_S)
        mib: float = self.process.memory_full_info().pss / 2**20
        return mib


@contextmanager
def running(root: Path, slots: int) -> Iterator[LocalCloud]:
    """A cloud on `root`, with a bucket; ended with the block."""
    settings = CloudSettings(root=root, port=0, slots=slots, runner="process", stop_grace_s=5)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    began = time.monotonic()
    with root.with_name("log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "local_test.cloud", "serve"],
            env=kept | settings.environment(),
            stdout=log,
            stderr=log,
        )
    try:
        address = _address(root, child)
        cloud = LocalCloud(address, psutil.Process(child.pid), time.monotonic() - began)
        cloud.client("s3").create_bucket(Bucket=BUCKET)
        yield cloud
    finally:
        child.terminate()
        child.wait(_PATIENCE_S)


def _address(root: Path, child: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and child.poll() is None:
        found = holder(root) if root.is_dir() else None
        if found is not None and found.pid == child.pid:
            return found.address
        time.sleep(_LOOK_EVERY_S)
    raise RuntimeError(f"The cloud did not start; its log: {root.with_name('log').read_text()}")
