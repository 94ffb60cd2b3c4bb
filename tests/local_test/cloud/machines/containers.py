"""Instances for tests of what runs them."""

import time
from pathlib import Path
from typing import Any

from local_test.cloud.machines.machine import Container, Instance

PATIENCE_S = 30.0


def shell(folder: Path, script: str, **more: Any) -> Container:
    """A container that runs a shell script; its /opt/ml is below `folder`."""
    ml = folder / "ml"
    ml.mkdir(parents=True, exist_ok=True)
    given: dict[str, Any] = {
        "name": folder.name,
        "image": "imageclf:latest",
        "arguments": (script,),
        "entrypoint": ("sh", "-c"),
        "ml": ml,
        "log": folder / "log",
    }
    return Container(**given | more)


def ended(instance: Instance) -> int:
    """Its exit code, once it has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while (code := instance.exit_code()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return code


def until_written(path: Path) -> str:
    """What is in the file, once there is something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (path.is_file() and path.read_text().strip()):
        assert time.monotonic() < deadline, path
        time.sleep(0.01)
    return path.read_text()
