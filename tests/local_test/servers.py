"""Real servers in processes of their own, for the tests of what asks them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imageclf.errors import EndpointError
from local_test import wire
from local_test.serve_settings import free_port

WRONG = Path(__file__).with_name("wrong_server.py")
PATIENCE_S = 60.0


@contextmanager
def wrong_server(*faults: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address and the process of a server with these faults."""
    command = [sys.executable, str(WRONG), *faults]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


@contextmanager
def real_server(root: Path, **settings: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The address and the process of `imageclf serve` on the tree at `root`, once it is ready."""
    port = free_port(0)
    own = {"SAGEMAKER_BASE_DIR": str(root), "IMAGECLF_PORT": str(port), "IMAGECLF_WORKERS": "1"}
    own["IMAGECLF_HOST"] = "127.0.0.1"
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "imageclf", "serve"],
            env=os.environ | own | settings,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _await(url, process, root / "log")
        yield url, process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _await(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not _is_ready(url):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def _is_ready(url: str) -> bool:
    try:
        return wire.ask(url, "GET", "/ping", timeout_s=2).status == 200
    except EndpointError:
        return False
