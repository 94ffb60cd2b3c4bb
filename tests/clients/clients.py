"""Programs of the clients' own environment, as a user starts them in a shell."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local_test.cloud.beginnings import default_bucket, role_arn
from local_test.cloud.commands import client_environment
from tests.local_test.cloud.servers import CloudServer

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("programs")
BIN = Path(os.environ.get("CLIENTS", ROOT / ".venv-clients" / "bin"))
"""CLIENTS names another environment's programs."""

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/imageclf:latest"
PATIENCE_S = 180.0

_SHOWN = 4000  # characters from the end of what a program printed


class Clients:
    """Starts them with the variables that `local_test/cloud.sh env` prints, and few others."""

    def __init__(self, server: CloudServer, home: Path) -> None:
        if not (BIN / "python").exists():
            pytest.skip(f"{BIN} has no python: make test-clients makes it and runs this")
        self.server = server
        self.bucket = default_bucket(server.cloud.settings)
        self._home = home
        self._environment = {"HOME": str(home), "PATH": f"{BIN}:{os.defpath}", "LANG": "C.UTF-8"}
        self._environment |= client_environment(server.cloud.settings, server.address)

    def run(self, *command: object, ok: bool = True) -> "subprocess.CompletedProcess[str]":
        """The finished command, which must have ended with 0 unless it shall not be `ok`."""
        done = subprocess.run(
            [*map(str, command)],
            cwd=self._home,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        said = (done.stdout, done.stderr, self.server.log())
        assert (done.returncode == 0) is ok, "\n".join(text[-_SHOWN:] for text in said)
        return done

    def aws(self, *arguments: object, ok: bool = True) -> str:
        """What `aws` prints, or why it failed when it shall not be `ok`."""
        done = self.run(BIN / "aws", *arguments, ok=ok)
        return done.stdout if ok else done.stderr

    def aws_json(self, *arguments: object) -> Any:
        """What `aws` answers."""
        return json.loads(self.aws(*arguments, "--output", "json"))

    def program(self, name: str, **told: object) -> tuple[Any, str]:
        """What the last line of a program says, which is JSON, and all that it printed.

        It gets `told` as JSON, with the image, the bucket and the role. Programs of SDK v2 run in
        this environment, where the launchers have it too.
        """
        python = sys.executable if name.startswith("v2_") else BIN / "python"
        known = {"image": IMAGE, "bucket": self.bucket, "role": role_arn()}
        done = self.run(python, PROGRAMS / f"{name}.py", json.dumps(known | told))
        return json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr
