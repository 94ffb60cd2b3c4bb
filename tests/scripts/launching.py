"""Launchers as a user starts them: the shell script, in a folder of its own, as a process."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE_S = 120.0

_NO_ENVIRONMENT: Mapping[str, str] = {}


def launch(
    script: str,
    *arguments: str | Path,
    folder: Path,
    environment: Mapping[str, str] = _NO_ENVIRONMENT,
) -> "subprocess.CompletedProcess[str]":
    """Run `scripts/<script>.sh` from `folder`, where its notes lie too; it sees no account of mine.

    `environment` is that of a cloud server; without one there are no credentials.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "IMAGECLF_", "SAGEMAKER_"))
    }
    own = {
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
        "IMAGECLF_LAUNCH_STATE": str(folder / "state"),
    }
    return subprocess.run(
        [SCRIPTS / f"{script}.sh", *arguments],
        cwd=folder,
        env={**kept, **own, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
